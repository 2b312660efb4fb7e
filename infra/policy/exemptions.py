"""The controls that are not met: in which kinds of stacks, and why. An entry that nothing needs fails the tests."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("production", "staging", "preview-base", "pr")
"""The kinds of stacks on AWS."""


@dataclass(frozen=True)
class Exemption:
    """A control that some kinds of stacks don't meet, with the reason in a sentence."""

    control: str
    kinds: tuple[str, ...]
    reason: str


_ALL = ("production", "staging", "pr")
_BASE = ("preview-base",)
_QUIET = "Nobody is called at night for previews, so there is no topic to tell."
_ROTATION = (
    "A schedule would change a secret while processes still have the value before. Tokens are rotated by"
    " `pitchbar rotate`, which keeps that one valid until `pitchbar retire`; the others when there is a reason to."
)
EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption("RDS.5", ("staging", *_BASE), "Only production pays for a standby; the others can wait for a restore."),
    Exemption("RDS.6", _BASE, "Nobody tunes the database of previews, and each metric costs."),
    Exemption("RDS.8", ("staging", *_BASE), "Only production is protected; the others are taken down by a command."),
    Exemption("RDS.9", _BASE, "The log of the previews' database is read in RDS itself, where it stays for some days."),
    Exemption("RDS.11", _BASE, "Previews begin with an empty or copied database, which is never restored."),
    Exemption("RDS.20", _BASE, _QUIET),
    Exemption("RDS.21", _BASE, _QUIET),
    Exemption("RDS.22", _BASE, _QUIET),
    Exemption("ElastiCache.3", ("staging",), "Only production pays for a replica of Redis."),
    Exemption("SecretsManager.1", _ALL, _ROTATION),
    Exemption("SecretsManager.4", _ALL, _ROTATION),
    Exemption("ECS.12", _BASE, "Nobody looks at the graphs of previews, and each metric costs."),
    Exemption("ELB.6", ("staging", *_BASE), "Only production is protected; the others are taken down by a command."),
    Exemption(
        "EC2.10",
        ("production", "staging", *_BASE),
        "Nothing inside the network calls EC2's interface: tasks run on Fargate, and none may call it.",
    ),
    Exemption(
        "S3.9",
        ("production", "staging", *_BASE, "pr"),
        "The bucket of the logs can't log to itself without end, and a preview's files are nobody's; the files of"
        " production and staging are logged.",
    ),
    Exemption(
        "S3.11",
        ("production", "staging", *_BASE, "pr"),
        "Nothing is to be done when an object changes: the app itself writes the files, and AWS the logs.",
    ),
    Exemption("KMS.3", _BASE, "What the keys of previews protect is thrown away with them, after 7 days."),
)

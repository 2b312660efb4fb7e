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


EXEMPTIONS: tuple[Exemption, ...] = ()

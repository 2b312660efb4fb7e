"""What a stack's configuration says: which environment, on which target, under which name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from infra.capabilities import CAPABILITIES
from infra.errors import UserError
from infra.kinds import all_of, any_of, is_host
from infra.model import Capability, EnvironmentName, TargetName
from infra.reader import closest

NAMESPACE = "pitchbar:"
ENVIRONMENTS: tuple[EnvironmentName, ...] = get_args(EnvironmentName)
TARGETS: tuple[TargetName, ...] = get_args(TargetName)
RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})")
REGION = re.compile(r"[a-z]{2}-[a-z]+(-[0-9])?")
_ROTATION = re.compile(r"([a-z-]+):([2-9]|[1-9][0-9]{1,5})(:retired)?")
Choice = TypeVar("Choice", bound=str)
ACCOUNT = re.compile(r"[0-9]{12}")
CLOUDFLARE_ID = re.compile(r"[0-9a-f]{32}")
BASE = re.compile(r"([A-Za-z0-9._-]+/){0,2}[A-Za-z0-9._-]{1,100}")
EMAIL = re.compile(r"[^@\s]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
STACKS = ("environment", "base")
KEYS = (
    *("account", "alarm-email", "base", "cloudflare-account", "domain", "environment", "image", "port", "region"),
    *("release", "require", "rotations", "stack", "target", "tls", "zone"),
)
ROTATED = ("app-key", "queue-token")
"""The secrets that can be rotated while the previous value is still accepted."""


@dataclass(frozen=True)
class Rotation:
    """How often a secret was rotated, from 1 for its first value on, and whether the value before is still accepted."""

    version: int = 1
    retired: bool = False

    def __str__(self) -> str:
        return f"{self.version}:retired" if self.retired else str(self.version)


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """One stack's configuration; None is what the stack leaves to its target or to `infra/cloud.yaml`."""

    environment: EnvironmentName
    target: TargetName = "local"
    domain: str | None = None
    """The domain that `{domain}` in host names stands for."""
    release: str | None = None
    """The release to run; None runs the working tree."""
    port: int | None = None
    """The gateway's port on this machine or host; None lets the target choose one and keep it."""
    tls: bool = False
    """Serve HTTPS on a machine of one's own; the clouds always do."""
    image: str | None = None
    """The image to run instead of building `app/`."""
    region: str | None = None
    account: str | None = None
    """The AWS account that everything is made in; another one is refused."""
    zone: str | None = None
    """The id of the Cloudflare zone that has the domain."""
    cloudflare_account: str | None = None
    """The id of the Cloudflare account that has the zone; the cron Worker is made in it."""
    stack: Literal["environment", "base"] = "environment"
    """A whole environment, or the `base` that the stacks of pull requests stand on."""
    base: str | None = None
    """The base stack that this one takes its network, cluster, load balancer, registry and database server from."""
    alarm_email: str | None = None
    """Who hears of alarms, besides what subscribes to their topic by hand."""
    require: tuple[Capability, ...] = ()
    """Capabilities without which the target is refused."""
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    """The rotated secrets by name; `pitchbar rotate` and `pitchbar retire` write it."""


def parse_stack_config(config: Mapping[str, str], stack: str) -> StackConfig:
    """Read the `pitchbar:` keys of `config` as Pulumi hands them over; all that is wrong is one `UserError`."""
    own = {
        key.removeprefix(NAMESPACE): value
        for key, value in config.items()
        if key.startswith(NAMESPACE) or ":" not in key
    }
    reader = _Reader(own)
    environment = reader.one_of("environment", ENVIRONMENTS) or _named_after(stack, own, reader)
    target = reader.one_of("target", TARGETS) or "local"
    parsed: dict[str, Any] = {
        "environment": environment,
        "target": target,
        "domain": reader.domain(needed=target == "aws"),
        "release": reader.like("release", RELEASE, "A release's id has letters, digits, . and -", "3f9c2a17d04b"),
        "port": reader.port(),
        "tls": reader.flag("tls"),
        "image": reader.like("image", IMAGE, "An image has a tag or a digest", "ghcr.io/pitchbar/pitchbar:1.4.2"),
        "region": reader.like("region", REGION, "A region is a part of the world or one of AWS's names", "us-east"),
        "account": reader.cloud("account", ACCOUNT, "An AWS account has 12 digits", "123456789012", target),
        "zone": reader.cloud("zone", CLOUDFLARE_ID, "A zone's id has 32 hexadecimal digits", _ID, target),
        "cloudflare_account": reader.cloud(
            "cloudflare-account", CLOUDFLARE_ID, "A Cloudflare account's id has 32 hexadecimal digits", _ID, target
        ),
        "stack": reader.one_of("stack", STACKS) or "environment",
        "base": reader.base(environment, target),
        "alarm_email": reader.like(
            "alarm-email", EMAIL, "It is one address of electronic mail", "ops@pitchbar.example"
        ),
        "require": reader.require(),
        "rotations": reader.rotations(),
    }
    reader.unknown()
    if reader.problems:
        problems = sorted(reader.problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError(f"The configuration of stack {stack} has {count}:", problems)
    return StackConfig(**parsed)


_ID = "0123456789abcdef0123456789abcdef"


def _named_after(stack: str, own: Mapping[str, str], reader: _Reader) -> EnvironmentName | None:
    name = next((name for name in ENVIRONMENTS if name == stack), None)
    if name is None and "environment" not in own:
        rule = f"A stack that is not called {any_of(ENVIRONMENTS)} says which environment it is"
        reader.report("environment", "nothing", rule, "preview")
    return name


class _Reader:
    """Reads single keys and gathers what is wrong with them."""

    def __init__(self, own: Mapping[str, str]) -> None:
        self.own = own
        self.problems: list[str] = []

    def report(self, key: str, found: str, rule: str, example: str) -> None:
        command = f"pulumi config set {NAMESPACE}{key} {example}" if example else f"pulumi config rm {NAMESPACE}{key}"
        self.problems.append(f"{NAMESPACE}{key}: found {found}. {rule}. Type: `{command}`.")

    def one_of(self, key: str, choices: tuple[Choice, ...]) -> Choice | None:
        value = self.own.get(key)
        found = next((choice for choice in choices if choice == value), None)
        if value is not None and found is None:
            self.report(key, f'"{value}"', f"It is {any_of(choices)}", closest(value, choices) or choices[0])
        return found

    def like(self, key: str, pattern: re.Pattern[str], rule: str, example: str) -> str | None:
        value = self.own.get(key)
        if value is not None and not pattern.fullmatch(value):
            self.report(key, f'"{value}"', rule, example)
        return value

    def cloud(self, key: str, pattern: re.Pattern[str], rule: str, example: str, target: str) -> str | None:
        """Read a key that the target aws can't do without."""
        if target == "aws" and key not in self.own:
            self.report(key, "nothing", f"The target aws needs it. {rule}", example)
            return None
        return self.like(key, pattern, rule, example)

    def base(self, environment: str | None, target: str) -> str | None:
        """Read the name of the base stack, which only an environment of a pull request stands on."""
        own = self.like("base", BASE, "It names a stack, which `pulumi stack ls` lists", "preview-base")
        if own is not None and (environment != "preview" or target != "aws" or self.own.get("stack") == "base"):
            self.report("base", f'"{own}"', "Only a preview on aws takes parts from a base stack", "")
        return own

    def domain(self, *, needed: bool) -> str | None:
        value = self.own.get("domain")
        if value is None:
            if needed:
                self.report("domain", "nothing", "The target aws serves real host names", "pitchbar.example")
        elif not is_host(value):
            plain = re.sub(r"^[a-z]+://|[:/].*$", "", value.lower())
            rule = "A domain has lower-case letters, digits and hyphens between dots, and no scheme, port or path"
            self.report("domain", f'"{value}"', rule, plain if is_host(plain) else "pitchbar.example")
        return value

    def port(self) -> int | None:
        value = self.own.get("port")
        if value is None:
            return None
        if not (re.fullmatch("[0-9]{1,5}", value) and 1 <= int(value) <= 65535):
            self.report("port", f'"{value}"', "A port is a whole number from 1 to 65535", "8080")
            return None
        return int(value)

    def flag(self, key: str) -> bool:
        value = self.own.get(key, "false")
        if value not in ("true", "false"):
            meant = "false" if value.lower() in ("no", "off", "0", "false", "") else "true"
            self.report(key, f'"{value}"', "It is true or false", meant)
        return value == "true"

    def require(self) -> tuple[Capability, ...]:
        names = _listed(self.own.get("require", ""))
        for name in names:
            if name not in CAPABILITIES:
                meant = closest(name, CAPABILITIES) or CAPABILITIES[0]
                self.report("require", f'"{name}"', f"The capabilities are {all_of(CAPABILITIES)}", meant)
        return tuple(name for name in CAPABILITIES if name in names)

    def rotations(self) -> dict[str, Rotation]:
        """Read `queue-token:2`, or `queue-token:2:retired`; several with commas between them."""
        found = {}
        for text in _listed(self.own.get("rotations", "")):
            match = _ROTATION.fullmatch(text)
            if not match or match[1] not in ROTATED or match[1] in found:
                rule = f"It is a secret ({any_of(ROTATED)}) with its version, from 2 on, and once more :retired"
                self.report("rotations", f'"{text}"', rule, f"{ROTATED[0]}:2")
            else:
                found[match[1]] = Rotation(int(match[2]), match[3] is not None)
        return found

    def unknown(self) -> None:
        for key in sorted(set(self.own) - set(KEYS)):
            meant = closest(key, tuple(name for name in KEYS if name not in self.own))
            rule = f"The keys are {all_of(KEYS)}" + (f", and {meant} was probably meant" if meant else "")
            self.report(key, "an unknown key", rule, "")


def _listed(text: str) -> tuple[str, ...]:
    """Read `a,b`, or the JSON that Pulumi makes of a YAML list."""
    try:
        items = json.loads(text) if text.startswith("[") else text.split(",")
    except ValueError:
        items = [text]
    return tuple(str(item).strip() for item in items if str(item).strip())

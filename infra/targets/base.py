"""What every target takes and gives, so that the program, the tests and ``pitchbar verify`` are the same for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pulumi import Input, Output

from infra.errors import UserError
from infra.model import Domains, Environment
from infra.release.runtime import Runtime
from infra.stack_config import Rotation


@dataclass(frozen=True)
class Plan:
    """An environment to be landed by one stack."""

    stack: str
    environment: Environment
    hosts: Domains
    """The host names, with no placeholder left."""
    release: str
    """The release's id: the pinned one, or that of the working tree."""
    source: str
    """The folder ``app/`` to make the release from; empty where it is pinned."""
    runtime: Runtime
    """What the release's processes run; a pinned one's is that of its manifest."""
    directory: Path
    """Local target: the environment's folder."""
    port: int = 0
    """Local target: the gateway's port; 0 finds one."""
    tls: bool = False
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    """The rotated secrets by name; one that isn't there has its first value."""


@dataclass(frozen=True)
class Landed:
    """What a target gives back: the stack's outputs."""

    app_url: Input[str]
    widget_url: Input[str]
    realtime_url: Input[str]
    realtime_key: Output[str]
    admin_password: Output[str]
    internal_queue_token: Output[str]
    app_key: Output[str]
    app_key_previous: Output[str]
    """The key before the last rotation, accepted or retired; empty where there was none."""
    ca_certificate: Input[str]
    release: Output[str]
    """The release that visitors reach; unknown until they do, so a refused one never gets into the outputs."""
    schema_revision: Input[str]


@dataclass(frozen=True)
class Target:
    """A place to land. ``capabilities``: what it can do of :data:`infra.capabilities.CAPABILITIES`."""

    name: str
    capabilities: frozenset[str]
    land: Callable[[Plan], Landed]


def target(name: str) -> Target:
    """The target of a stack; only its own packages are imported.

    Raises :class:`UserError` for a target that isn't built yet.
    """
    if name == "local":
        from infra.targets.local import TARGET

        return TARGET
    raise UserError(
        f"The target {name} isn't built yet; this version of Pitchbar lands on local only. "
        "Run `pulumi config set pitchbar:target local`."
    )

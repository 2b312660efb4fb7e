"""What every target takes and gives, so that the program, the tests and ``pitchbar verify`` are the same for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import Input, Output

from infra.cloud_names import aws_region
from infra.errors import UserError
from infra.model import Cloud as Model
from infra.model import Domains, Environment
from infra.release.choice import Store
from infra.release.manifest import Manifest
from infra.release.runtime import Runtime
from infra.stack_config import Rotation, StackConfig


@dataclass(frozen=True)
class Cloud:
    """Target aws: where in the clouds. ``region`` is AWS's name of it."""

    product: str
    account: str
    region: str
    zone: str
    cloudflare_account: str
    domain: str
    image: str | None = None
    """The image to run; None builds ``app/``."""
    base: str | None = None
    """The base stack to take the shared parts from; None: the stack owns them."""
    alarm_email: str | None = None


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
    cloud: Cloud | None = None
    kept: Manifest | None = None
    """What the release store has of a pinned release."""
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


def cloud_of(plan: Plan) -> Cloud:
    """Where in the clouds a plan lands; raises :class:`UserError` for one that doesn't."""
    if plan.cloud is None:
        raise UserError("This is made on AWS only. Run `pulumi config set pitchbar:target aws`.")
    return plan.cloud


def _nothing_to_check(stack: str, environment: Environment, cloud: Cloud | None) -> None:
    """Every configuration that could be read is fine."""


@dataclass(frozen=True)
class Target:
    """A place to land. ``capabilities``: what it can do of :data:`infra.capabilities.CAPABILITIES`. ``store``: a
    stack's releases. ``builds_images``: from a release's folder, as long as the program is
    given it. ``check``: refuses a configuration before anything is declared. ``land_base``: what the stacks of
    pull requests stand on; gives that stack's outputs."""

    name: str
    capabilities: frozenset[str]
    land: Callable[[Plan], Landed]
    store: Callable[[str, Cloud | None], Store]
    builds_images: bool = False
    check: Callable[[str, Environment, Cloud | None], None] = _nothing_to_check
    land_base: Callable[[Environment, Cloud, str], Mapping[str, Any]] | None = None


def locate(model: Model, config: StackConfig) -> Cloud | None:
    """Where in the clouds a stack of the target aws is; None for the other targets."""
    if config.target != "aws":
        return None
    return Cloud(
        product=model.name,
        account=config.account or "",
        region=aws_region(config.region or model.region),
        zone=config.zone or "",
        cloudflare_account=config.cloudflare_account or "",
        domain=config.domain or "",
        image=config.image,
        base=config.base,
        alarm_email=config.alarm_email,
    )

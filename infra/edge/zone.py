"""The Cloudflare zone that a stack's names are in: asked for before anything is made, so that a wrong token or zone
fails at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pulumi
import pulumi_cloudflare as cloudflare

from infra.errors import UserError
from infra.targets.aws.invokes import reason
from infra.targets.base import Cloud

PHASES = ("http_ratelimit", "http_request_cache_settings", "http_request_late_transform")
"""The phases of Cloudflare that our rules are in: a zone has one ruleset for each."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Zone:
    """A zone; ``name`` is the domain at its top."""

    id: str
    name: str


def rules_name(cloud: Cloud) -> str:
    """How a stack calls the rulesets that it owns, so that they are known from another's."""
    return f"{cloud.product} {cloud.domain}"


def check_zone(cloud: Cloud, opts: pulumi.InvokeOptions | None = None) -> Zone:
    """Ask Cloudflare for the stack's zone.

    Raises :class:`UserError` when the token doesn't show it, when it isn't active, belongs to another account, hasn't
    the stack's domain, or (for a stack that owns its parts) has rules that aren't this stack's.
    """
    found = _asked(cloud, lambda: cloudflare.get_zone(zone_id=cloud.zone, opts=opts))
    zone = Zone(cloud.zone, found.name)
    if cloud.domain != zone.name and not cloud.domain.endswith(f".{zone.name}"):
        raise UserError(
            f"pitchbar:domain: {cloud.domain} isn't in the Cloudflare zone {cloud.zone}, which is {zone.name}. Set the "
            "zone that has it (`pulumi config set pitchbar:zone ID`), or another domain "
            f"(`pulumi config set pitchbar:domain {zone.name}`)."
        )
    if found.account.id != cloud.cloudflare_account:
        raise UserError(
            f"pitchbar:cloudflare-account: found {cloud.cloudflare_account}, but the zone {zone.name} belongs to the "
            f"account {found.account.id}. Type: `pulumi config set pitchbar:cloudflare-account {found.account.id}`."
        )
    if found.status != "active" or found.paused:
        state = "is paused" if found.paused else f'has the status "{found.status}"'
        raise UserError(
            f"pitchbar:zone: {zone.name} {state} at Cloudflare, so no certificate could be issued and nobody could "
            "reach the stack. Let its registrar name Cloudflare's servers and Cloudflare proxy it, then try again."
        )
    if cloud.base is None:
        _check_rules(cloud, zone, opts)
    return zone


def _check_rules(cloud: Cloud, zone: Zone, opts: pulumi.InvokeOptions | None) -> None:
    answer = _asked(cloud, lambda: cloudflare.get_rulesets(zone_id=cloud.zone, opts=opts))
    strangers = sorted(
        f'"{ruleset.name}" ({ruleset.phase})'
        for ruleset in answer.rulesets
        if ruleset.kind == "zone" and ruleset.phase in PHASES and ruleset.name != rules_name(cloud)
    )
    if strangers:
        raise UserError(
            f"pitchbar:zone: {zone.name} has rules that another stack or a person made: {', '.join(strangers)}. "
            "Cloudflare keeps one ruleset a phase in each zone, and this stack would need to own it. Give the stack a "
            "zone of its own (`pulumi config set pitchbar:zone ID`), or delete those rules in Cloudflare's dashboard."
        )


def _asked(cloud: Cloud, ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except Exception as error:
        raise UserError(
            f"pitchbar:zone: Cloudflare doesn't show the zone {cloud.zone} to the token cloudflare:apiToken: "
            f"{reason(error)}. Check the id (`pulumi config get pitchbar:zone`), and that the token may read the zone "
            "and its rules; `pulumi config set --secret cloudflare:apiToken` asks for another."
        ) from error

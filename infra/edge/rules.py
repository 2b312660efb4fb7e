"""What belongs to a whole Cloudflare zone, and so to the one stack in it that owns its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare
from pulumi import Input, Resource, ResourceOptions

from infra.edge.cache import create_cache_rules
from infra.edge.certificate import create_edge_certificate
from infra.edge.limits import create_limits
from infra.edge.origin import create_origin_proof
from infra.edge.zone import Zone, rules_name
from infra.targets.base import Plan, cloud_of

SETTINGS = {
    "ssl": "strict",  # Cloudflare checks the load balancer's certificate.
    "min_tls_version": "1.2",
    "always_use_https": "on",
    "websockets": "on",
}


@dataclass(frozen=True)
class ZoneRulesArgs:
    """``names``: what the stack's load balancer serves, exact names or a wildcard for the stacks on a base.
    ``origin_token``: the one that requests carry from now on (:data:`infra.edge.origin.HEADER`). ``after``: what must
    take a rotated token before Cloudflare sends it, the processes with the load balancer's rules."""

    plan: Plan
    zone: Zone
    names: Sequence[str]
    origin_token: Input[str]
    after: Sequence[Resource] = ()


class ZoneRules(pulumi.ComponentResource):
    """The zone's settings, its certificate for browsers, and its rules: cache, limits, the proof for the origin.

    Cloudflare keeps one ruleset a phase in each zone, and one value of each setting. So one stack owns them: an
    environment that owns its parts, or the base of the pull requests' stacks, for whose names its rules hold by
    wildcard; the stacks on it make records only (:mod:`infra.edge.domains`). Two stacks that own their parts need two
    zones, and :func:`infra.edge.zone.check_zone` refuses the second one in a zone before it makes anything. That also
    keeps a token for staging from touching production's zone.
    """

    def __init__(self, name: str, args: ZoneRulesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:edge:ZoneRules", name, None, opts)
        self._args = args
        self._name = rules_name(cloud_of(args.plan))
        self._child = ResourceOptions(parent=self)
        self._create_settings()
        create_edge_certificate(args.zone, args.names, self._child)
        create_cache_rules(args.zone, self._name, args.names, self._child)
        create_limits(args.zone, self._name, self._child)
        self._create_origin_proof()
        self.register_outputs({})

    def _create_settings(self) -> None:
        for setting, value in SETTINGS.items():
            cloudflare.ZoneSetting(
                setting.replace("_", "-"),
                zone_id=self._args.zone.id,
                setting_id=setting,
                value=value,
                opts=self._child,
            )

    def _create_origin_proof(self) -> None:
        args = self._args
        last = ResourceOptions(parent=self, depends_on=list(args.after))
        create_origin_proof(args.zone, self._name, args.names, args.origin_token, last)

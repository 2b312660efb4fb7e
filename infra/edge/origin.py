"""The proof that a request came through our zone."""

from collections.abc import Sequence

import pulumi_cloudflare as cloudflare
from pulumi import Input, ResourceOptions

from infra.edge.names import matching
from infra.edge.zone import Zone

HEADER = "X-Origin-Token"
"""The load balancer's rules want it with the token; a visitor's own is overwritten."""


def create_origin_proof(
    zone: Zone, name: str, names: Sequence[str], token: Input[str], opts: ResourceOptions
) -> cloudflare.Ruleset:
    """Have Cloudflare add the token to every request to our names. The load balancer lets all of Cloudflare in, so
    without it anybody could send requests around our rules through a zone of his own. Only our names get it: another
    server in the zone must not learn it."""
    header = cloudflare.RulesetRuleActionParametersHeadersArgs(operation="set", value=token)
    rule = cloudflare.RulesetRuleArgs(
        ref="pitchbar_origin",
        description="Proves to the load balancer that a request came through this zone",
        expression=matching(names),
        action="rewrite",
        action_parameters=cloudflare.RulesetRuleActionParametersArgs(headers={HEADER: header}),
        enabled=True,
    )
    return cloudflare.Ruleset(
        "origin", zone_id=zone.id, kind="zone", phase="http_request_late_transform", name=name, rules=[rule], opts=opts
    )

"""What Cloudflare keeps: the widget's script."""

from collections.abc import Sequence

import pulumi_cloudflare as cloudflare
from pulumi import ResourceOptions

from infra.edge.names import matching
from infra.edge.zone import Zone

WIDGET = "/widget/widget.js"


def create_cache_rules(zone: Zone, name: str, names: Sequence[str], opts: ResourceOptions) -> cloudflare.Ruleset:
    """Keep the script as long as the app says: for ever under the hash of the release that answers, five minutes under
    any other address. The app alone knows which hash is its own, so no time is set here; the hash is part of the query,
    and by it each release's script is one entry of the cache."""
    rule = cloudflare.RulesetRuleArgs(
        ref="pitchbar_widget",
        description="The widget's script, as long as the app says",
        expression=f'{matching(names)} and http.request.uri.path eq "{WIDGET}"',
        action="set_cache_settings",
        action_parameters=cloudflare.RulesetRuleActionParametersArgs(
            cache=True,
            edge_ttl=cloudflare.RulesetRuleActionParametersEdgeTtlArgs(mode="respect_origin"),
            browser_ttl=cloudflare.RulesetRuleActionParametersBrowserTtlArgs(mode="respect_origin"),
            respect_strong_etags=True,
        ),
        enabled=True,
    )
    return cloudflare.Ruleset(
        "cache", zone_id=zone.id, kind="zone", phase="http_request_cache_settings", name=name, rules=[rule], opts=opts
    )

"""What Cloudflare lets through only so often: the queue tick."""

import pulumi_cloudflare as cloudflare
from pulumi import ResourceOptions

from infra.edge.zone import Zone
from infra.release.worker_script import PATH

SECONDS = 10
"""Free zones count and block for ten seconds, no more and no less; paid ones can."""

REQUESTS = 50
"""Requests of one address within that time. A stack's cron Worker sends one or two a minute, but all stacks of pull
requests tick in the same second, and Workers share their addresses."""


def create_limits(zone: Zone, name: str, opts: ResourceOptions) -> cloudflare.Ruleset:
    """Block who hammers at the endpoint of the tick. A token of 256 bits can't be guessed; this keeps the guesses from
    the app. The path alone says it, because in free zones a limit may look at nothing else."""
    rule = cloudflare.RulesetRuleArgs(
        ref="pitchbar_queue_tick",
        description="Guesses at the token of the queue tick",
        expression=f'http.request.uri.path eq "{PATH}"',
        action="block",
        ratelimit=cloudflare.RulesetRuleRatelimitArgs(
            characteristics=["cf.colo.id", "ip.src"],
            period=SECONDS,
            requests_per_period=REQUESTS,
            mitigation_timeout=SECONDS,
        ),
        enabled=True,
    )
    return cloudflare.Ruleset(
        "limits", zone_id=zone.id, kind="zone", phase="http_ratelimit", name=name, rules=[rule], opts=opts
    )

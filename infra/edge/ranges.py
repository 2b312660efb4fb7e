"""Whence Cloudflare's requests come."""

import pulumi
import pulumi_cloudflare as cloudflare

from infra.errors import UserError

ROOM = 20
"""Ranges that are reckoned with; Cloudflare has 15 of IPv4 and seldom changes them. Each counts as one of the 60 rules
that a security group may have, for each port that is opened to them."""


def find_ranges(opts: pulumi.InvokeOptions) -> tuple[str, ...]:
    """Cloudflare's ranges of IPv4 addresses, in a fixed order: a new one reaches the stack with its next update.

    Raises :class:`UserError` when there are none, or more than there is room for: better no update than a load balancer
    that lets nobody in.
    """
    found = tuple(sorted(cloudflare.get_ip_ranges(opts=opts).ipv4_cidrs))
    if not 0 < len(found) <= ROOM:
        raise UserError(
            f"Cloudflare gives {len(found)} ranges of IPv4 addresses, and the load balancer has room for 1 to {ROOM}. "
            "Compare with https://www.cloudflare.com/ips-v4; if that is right, change ROOM in infra/edge/ranges.py."
        )
    return found

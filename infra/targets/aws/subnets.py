"""How a network's addresses are cut into subnets, and the zones that they are in."""

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_aws as aws

from infra.errors import UserError

WITHOUT_FARGATE = ("apne1-az3", "use1-az3", "usw1-az2")
"""Zones, by the id that all accounts see, in which Fargate starts no task."""

_PRIVATE, _SMALL = 20, 24
_DATA_BLOCK, _PUBLIC_BLOCK = 14, 15


@dataclass(frozen=True)
class Cut:
    """The addresses of one zone's subnets."""

    public: str
    private: str
    data: str


def cut(cidr: str, zones: int) -> tuple[Cut, ...]:
    """Cut a /16 for up to 14 zones: 4,096 addresses for the tasks of each, 256 for its load balancer and NAT, 256 for
    its databases. Another zone later changes nothing of the zones before it.

    >>> cut("10.20.0.0/16", 2)[1]
    Cut(public='10.20.241.0/24', private='10.20.16.0/20', data='10.20.225.0/24')
    """
    blocks = list(IPv4Network(cidr).subnets(new_prefix=_PRIVATE))
    public = list(blocks[_PUBLIC_BLOCK].subnets(new_prefix=_SMALL))
    data = list(blocks[_DATA_BLOCK].subnets(new_prefix=_SMALL))
    assert zones <= _DATA_BLOCK, f"a network has at most {_DATA_BLOCK} zones"
    return tuple(Cut(str(public[zone]), str(blocks[zone]), str(data[zone])) for zone in range(zones))


def find_zones(region: str, count: int, opts: pulumi.InvokeOptions) -> tuple[str, ...]:
    """The first availability zones of a region by name, without local zones and those that Fargate isn't in.

    Raises :class:`UserError` where there are fewer than ``count``.
    """
    found = aws.get_availability_zones(
        state="available",
        filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
        exclude_zone_ids=list(WITHOUT_FARGATE),
        opts=opts,
    )
    names = sorted(found.names)
    if len(names) < count:
        raise UserError(
            f"pitchbar:region: {region} has {len(names)} availability zones that Fargate runs in, and this environment "
            f"needs {count}. Choose a larger region (`pulumi config set pitchbar:region us-east`)."
        )
    return tuple(names[:count])

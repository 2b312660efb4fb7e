"""The names of one environment, and where browsers find it."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare
from pulumi import Input, Output, ResourceOptions

from infra.edge.cache import WIDGET
from infra.edge.names import own_names
from infra.model import Domains as Hosts
from infra.targets.base import Plan, cloud_of
from infra.wiring import Address

AUTOMATIC = 1
"""The only time to live that Cloudflare takes for a name it stands before."""


def address(hosts: Hosts) -> Address:
    """The public addresses as the processes are told; known before anything is made."""
    return Address(
        app_url=f"https://{hosts.app}",
        widget_url=f"https://{hosts.cdn or hosts.app}{WIDGET}",
        scheme="https",
        realtime_host=hosts.realtime,
        port="443",
    )


@dataclass(frozen=True)
class DomainsArgs:
    """``load_balancer_dns_name``: AWS's own name of it."""

    plan: Plan
    load_balancer_dns_name: Input[str]


class Domains(pulumi.ComponentResource):
    """A record for each name, with Cloudflare before it. The load balancer lets nobody else in."""

    app_url: Output[str]
    """Like the two below, known once the names lead to the load balancer."""
    widget_url: Output[str]
    realtime_url: Output[str]

    def __init__(self, name: str, args: DomainsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:edge:Domains", name, None, opts)
        self._args = args
        self._child = ResourceOptions(parent=self)
        records = self._create_records()
        known = address(args.plan.hosts)
        self.app_url = _once(records, known.app_url)
        self.widget_url = _once(records, known.widget_url)
        self.realtime_url = _once(records, f"wss://{known.realtime_host}")
        self.register_outputs(
            {"app_url": self.app_url, "widget_url": self.widget_url, "realtime_url": self.realtime_url}
        )

    def _create_records(self) -> list[cloudflare.DnsRecord]:
        hosts = self._args.plan.hosts
        roles = {hosts.realtime: "realtime", hosts.cdn or hosts.app: "cdn", hosts.app: "app"}
        return [self._create_record(roles[host], host) for host in own_names(hosts)]

    def _create_record(self, name: str, host: str) -> cloudflare.DnsRecord:
        return cloudflare.DnsRecord(
            name,
            zone_id=cloud_of(self._args.plan).zone,
            name=host,
            type="CNAME",
            content=self._args.load_balancer_dns_name,
            proxied=True,
            ttl=AUTOMATIC,
            comment=f"Pitchbar's stack {self._args.plan.stack}",
            opts=self._child,
        )


def _once(records: list[cloudflare.DnsRecord], url: str) -> Output[str]:
    return Output.all(*(record.id for record in records)).apply(lambda _: url)

"""The load balancer."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.edge.certificate import Certificate, CertificateArgs
from infra.edge.ranges import ROOM, find_ranges
from infra.targets.aws import foundation
from infra.targets.aws.settings import settings
from infra.targets.aws.storage import ACCESS_LOGS
from infra.targets.base import Plan

IDLE_TIMEOUT = 150
"""Seconds. Longer than the 30 s between two pings of the realtime server's connections and than the 120 s that
Cloudflare waits for an answer, so that neither is ever cut here; shorter than the 180 s that the app's server keeps an
idle connection (FrankenPHP: 300 s), so that no request is sent on one that is just being closed."""

SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3, and of 1.2 what has forward secrecy and authenticated encryption."""

TEST_PORT = 8443

_HSTS = "max-age=31536000"


@dataclass(frozen=True)
class LoadBalancerArgs:
    """``names``: the host names of the certificate. ``log_bucket``: the name of a bucket that takes access logs under
    the prefix :data:`ACCESS_LOGS`, known once its policy lets the load balancer write."""

    plan: Plan
    network: foundation.Network
    log_bucket: Input[str]
    names: Sequence[str]


class LoadBalancer(pulumi.ComponentResource):
    """An application load balancer in the public subnets, which only Cloudflare reaches.

    Port 443 answers 403 unless a rule of an environment takes the request (by its host and the origin's token), port 80
    leads to 443, and port 8443 is for what runs inside the network to try a release before visitors see it: its way
    there leads over the NAT gateways, so their addresses are let in.

    FSBP ELB.1, .4, .5, .6 (where the environment is protected), .12, .13, .17, .18. Not met: CKV2_AWS_28 (a web
    application firewall of AWS), since Cloudflare's stands before it; CKV_AWS_150 in unprotected environments, which
    are meant to be removable.
    """

    facts: foundation.LoadBalancer

    def __init__(self, name: str, args: LoadBalancerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:LoadBalancer", name, None, opts)
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._ranges = find_ranges(pulumi.InvokeOptions(parent=self))
        self._group = self._create_security_group()
        self._let_cloudflare_in()
        self._let_network_in()
        self._balancer = self._create_balancer()
        self._certificate = Certificate("certificate", CertificateArgs(args.plan, args.names), self._child)
        self._https = self._create_https_listener("https", 443)
        self._test = self._create_https_listener("test", TEST_PORT)
        self._create_redirect()
        self.facts = self._facts()
        self.register_outputs({"arn": self._balancer.arn, "dns_name": self._balancer.dns_name})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            "load-balancer",
            vpc_id=self._args.network.vpc_id,
            description="Load balancer",
            opts=self._child,
        )

    def _let_cloudflare_in(self) -> None:
        ranges = aws.ec2.ManagedPrefixList(
            "cloudflare",
            address_family="IPv4",
            max_entries=ROOM,
            entries=[aws.ec2.ManagedPrefixListEntryArgs(cidr=cidr, description="Cloudflare") for cidr in self._ranges],
            opts=self._child,
        )
        for scheme, port in (("https", 443), ("http", 80)):
            aws.vpc.SecurityGroupIngressRule(
                f"cloudflare-to-{scheme}",
                security_group_id=self._group.id,
                prefix_list_id=ranges.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"cloudflare to {scheme}",
                opts=self._child,
            )

    def _let_network_in(self) -> None:
        addresses = Output.from_input(self._args.network.nat_addresses)
        for number in range(settings(self._args.plan.environment.name).nat_gateways):
            aws.vpc.SecurityGroupIngressRule(
                f"nat-{number + 1}-to-test",
                security_group_id=self._group.id,
                cidr_ipv4=Output.concat(addresses[number], "/32"),
                ip_protocol="tcp",
                from_port=TEST_PORT,
                to_port=TEST_PORT,
                description="network to test",
                opts=self._child,
            )

    def _create_balancer(self) -> aws.lb.LoadBalancer:
        return aws.lb.LoadBalancer(
            "pitchbar",
            load_balancer_type="application",
            internal=False,
            security_groups=[self._group.id],
            subnets=self._args.network.public_subnet_ids,
            idle_timeout=IDLE_TIMEOUT,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=self._args.plan.environment.protect,
            enable_zonal_shift=True,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(
                bucket=self._args.log_bucket, prefix=ACCESS_LOGS, enabled=True
            ),
            opts=self._child,
        )

    def _create_https_listener(self, name: str, port: int) -> aws.lb.Listener:
        return aws.lb.Listener(
            name,
            load_balancer_arn=self._balancer.arn,
            port=port,
            protocol="HTTPS",
            ssl_policy=SSL_POLICY,
            certificate_arn=self._certificate.arn,
            routing_http_response_server_enabled=False,
            routing_http_response_strict_transport_security_header_value=_HSTS,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="fixed-response",
                    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                        content_type="text/plain", message_body="Pitchbar has no such host here.", status_code="403"
                    ),
                )
            ],
            opts=self._child,
        )

    def _create_redirect(self) -> None:
        aws.lb.Listener(
            "http",
            load_balancer_arn=self._balancer.arn,
            port=80,
            protocol="HTTP",
            routing_http_response_server_enabled=False,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="redirect",
                    redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                        protocol="HTTPS", port="443", status_code="HTTP_301"
                    ),
                )
            ],
            opts=self._child,
        )

    def _facts(self) -> foundation.LoadBalancer:
        return foundation.LoadBalancer(
            arn=self._balancer.arn,
            arn_suffix=self._balancer.arn_suffix,
            dns_name=self._balancer.dns_name,
            security_group_id=self._group.id,
            https_listener_arn=self._https.arn,
            test_listener_arn=self._test.arn,
            proxy_cidrs=list(self._ranges),
        )

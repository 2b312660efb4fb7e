"""The two certificates of a host name: ours at the load balancer, which Cloudflare checks, and Cloudflare's, which
browsers check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_cloudflare as cloudflare
from pulumi import CustomTimeouts, Output, ResourceOptions

from infra.edge.names import beyond_universal
from infra.edge.zone import Zone
from infra.targets.base import Plan, cloud_of

VALIDATION_TTL = 300
"""Seconds. The records stay, because ACM renews by them."""


@dataclass(frozen=True)
class CertificateArgs:
    """``names``: host names, exact ones or wildcards, all in the stack's zone."""

    plan: Plan
    names: Sequence[str]


class Certificate(pulumi.ComponentResource):
    """The load balancer's certificate: ECDSA P-256, issued by ACM once Cloudflare's DNS shows that the names are ours.

    It takes minutes. After a quarter of an hour it fails: then the zone isn't the one that the names are looked up in,
    or a CAA record keeps Amazon from issuing.
    """

    arn: Output[str]
    """Known once it is issued."""

    def __init__(self, name: str, args: CertificateArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:edge:Certificate", name, None, opts)
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._certificate = self._create_certificate()
        self._records = self._create_validation_records()
        self.arn = self._create_validation()
        self.register_outputs({"arn": self.arn})

    def _create_certificate(self) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            "certificate",
            domain_name=self._args.names[0],
            subject_alternative_names=list(self._args.names[1:]),
            validation_method="DNS",
            key_algorithm="EC_prime256v1",
            opts=self._child,
        )

    def _create_validation_records(self) -> list[cloudflare.DnsRecord]:
        # A name and its wildcard are validated by one record.
        proven = dict.fromkeys(name.removeprefix("*.") for name in self._args.names)
        return [self._create_record(name) for name in proven]

    def _create_record(self, name: str) -> cloudflare.DnsRecord:
        option = self._certificate.domain_validation_options.apply(lambda options: _option(options, name))
        return cloudflare.DnsRecord(
            f"validation-{name}",
            zone_id=cloud_of(self._args.plan).zone,
            name=option.apply(lambda found: found.resource_record_name.rstrip(".")),
            type=option.apply(lambda found: found.resource_record_type),
            content=option.apply(lambda found: found.resource_record_value.rstrip(".")),
            ttl=VALIDATION_TTL,
            proxied=False,
            comment="Proves to AWS that the name is ours",
            opts=self._child,
        )

    def _create_validation(self) -> Output[str]:
        validation = aws.acm.CertificateValidation(
            "issued",
            certificate_arn=self._certificate.arn,
            validation_record_fqdns=[record.name for record in self._records],
            opts=ResourceOptions(parent=self, custom_timeouts=CustomTimeouts(create="15m")),
        )
        return validation.certificate_arn


def _option(options: Sequence[Any], name: str) -> Any:
    return next(option for option in options if option.domain_name.removeprefix("*.") == name)


def create_edge_certificate(zone: Zone, names: Sequence[str], opts: ResourceOptions) -> None:
    """Order Cloudflare's certificate for the names that the zone's free one leaves out, as two levels below it
    (``app.staging.pitchbar.com`` in the zone pitchbar.com). That needs Advanced Certificate Manager in the zone; a zone
    of the environment's own needs nothing."""
    left_out = beyond_universal(names, zone.name)
    if left_out:
        cloudflare.CertificatePack(
            "edge-certificate",
            zone_id=zone.id,
            type="advanced",
            hosts=[zone.name, *left_out],
            certificate_authority="google",
            validation_method="txt",
            validity_days=90,
            opts=opts,
        )

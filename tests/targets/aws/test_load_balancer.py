"""The load balancer: who reaches it, what it answers by itself, and its certificate."""

from __future__ import annotations

import functools
from typing import Any

import pulumi
import pytest

from infra.edge.names import base_names, own_names
from infra.targets.aws.foundation import Network
from infra.targets.aws.load_balancer import LoadBalancer, LoadBalancerArgs
from infra.targets.base import Plan
from tests.support.aws import doubles
from tests.support.aws.doubles import CLOUDFLARE_V4, ZONE, CloudDouble
from tests.support.aws.plans import cloud, plan, refusal
from tests.support.engine import Recording, Registered, render

ENVIRONMENTS = ("production", "staging", "preview")
NAT = ("198.51.100.1", "198.51.100.2", "198.51.100.3")
NETWORK = Network(
    vpc_id="vpc-1",
    cidr="10.20.0.0/16",
    public_subnet_ids=["subnet-1", "subnet-2"],
    private_subnet_ids=[],
    data_subnet_ids=[],
    s3_prefix_list_id="pl-1",
    endpoints_security_group_id="sg-1",
    nat_addresses=NAT,
)


def names(wanted: Plan) -> tuple[str, ...]:
    return base_names(cloud("preview").domain) if wanted.environment.name == "preview" else own_names(wanted.hosts)


@functools.cache
def balancer(name: str) -> Recording:
    def program() -> None:
        wanted = plan(name)
        facts = LoadBalancer("load-balancer", LoadBalancerArgs(wanted, NETWORK, "logs", names(wanted))).facts
        for field, value in vars(facts).items():
            pulumi.export(field, value)

    return render(program, stack=name, double=CloudDouble())


def listeners(recording: Recording) -> dict[str, Registered]:
    return {found.name: found for found in recording.of("aws:lb/listener:Listener")}


def ingress(recording: Recording) -> dict[str, Any]:
    rules = recording.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    return {
        rule.name: (rule.inputs["fromPort"], rule.inputs.get("cidrIpv4") or rule.inputs["prefixListId"])
        for rule in rules
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_only_cloudflare_comes_in_and_to_the_test_port_only_the_network(name: str) -> None:
    recording = balancer(name)
    ranges = recording.one("aws:ec2/managedPrefixList:ManagedPrefixList")
    list_id = doubles.resource(ranges.type, ranges.name, ranges.inputs)[0]
    ways_out = 3 if name == "production" else 1
    assert ingress(recording) == {
        "cloudflare-to-https": (443, list_id),
        "cloudflare-to-http": (80, list_id),
        **{f"nat-{number + 1}-to-test": (8443, f"{NAT[number]}/32") for number in range(ways_out)},
    }
    assert [entry["cidr"] for entry in ranges.inputs["entries"]] == sorted(CLOUDFLARE_V4)
    assert recording.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule") == ()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_it_is_what_production_wants(name: str) -> None:
    inputs = balancer(name).one("aws:lb/loadBalancer:LoadBalancer").inputs
    assert {key: inputs[key] for key in inputs if key not in ("securityGroups",)} == {
        "loadBalancerType": "application",
        "internal": False,
        "subnets": ["subnet-1", "subnet-2"],
        "idleTimeout": 150,
        "dropInvalidHeaderFields": True,
        "desyncMitigationMode": "defensive",
        "enableDeletionProtection": name == "production",
        "enableZonalShift": True,
        "accessLogs": {"bucket": "logs", "prefix": "load-balancer", "enabled": True},
    }


@pytest.mark.parametrize(("listener", "port"), [("https", 443), ("test", 8443)])
def test_what_no_rule_takes_is_refused_over_tls(listener: str, port: int) -> None:
    recording = balancer("staging")
    inputs = listeners(recording)[listener].inputs
    assert (inputs["port"], inputs["protocol"]) == (port, "HTTPS")
    assert inputs["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert inputs["defaultActions"] == [
        {
            "type": "fixed-response",
            "fixedResponse": {
                "contentType": "text/plain",
                "messageBody": "Pitchbar has no such host here.",
                "statusCode": "403",
            },
        }
    ]
    assert inputs["routingHttpResponseStrictTransportSecurityHeaderValue"] == "max-age=31536000"
    validation = recording.one("aws:acm/certificateValidation:CertificateValidation")
    assert validation.urn in listeners(recording)[listener].sources["certificateArn"], "it waits for the certificate"


def test_plain_http_leads_to_https() -> None:
    assert listeners(balancer("staging"))["http"].inputs["defaultActions"] == [
        {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}
    ]


def test_an_environment_has_a_certificate_for_its_names_and_a_base_a_wildcard() -> None:
    found = {name: balancer(name).one("aws:acm/certificate:Certificate").inputs for name in ENVIRONMENTS}
    assert [found["staging"]["domainName"], *found["staging"]["subjectAlternativeNames"]] == [
        "app.staging.pitchbar.com",
        "cdn.staging.pitchbar.com",
        "realtime.staging.pitchbar.com",
    ]
    assert found["preview"]["domainName"] == "*.preview.pitchbar.com"
    assert {each["keyAlgorithm"] for each in found.values()} == {"EC_prime256v1"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_name_is_proven_by_a_record_of_its_own_that_cloudflare_does_not_hide(name: str) -> None:
    records = balancer(name).of("cloudflare:index/dnsRecord:DnsRecord")
    assert {record.inputs["name"]: record.name for record in records} == {
        f"_double.{each.removeprefix('*.')}": f"validation-{each.removeprefix('*.')}" for each in names(plan(name))
    }
    for record in records:
        inputs = record.inputs
        assert (inputs["type"], inputs["content"], inputs["proxied"], inputs["zoneId"]) == (
            "CNAME",
            "_double.acm-validations.aws",
            False,
            ZONE,
        )
    validation = balancer(name).one("aws:acm/certificateValidation:CertificateValidation")
    assert sorted(validation.inputs["validationRecordFqdns"]) == sorted(record.inputs["name"] for record in records)


def test_the_facts_say_whence_requests_come() -> None:
    assert balancer("production").outputs["proxy_cidrs"] == sorted(CLOUDFLARE_V4)


@pytest.mark.parametrize("count", [0, 21])
def test_no_update_shuts_everybody_out(count: int) -> None:
    class Strange(CloudDouble):
        def call(self, token: str, arguments: Any) -> dict[str, Any]:
            answer = super().call(token, arguments)
            return {**answer, "ipv4Cidrs": [f"10.{number}.0.0/16" for number in range(count)]}

    args = LoadBalancerArgs(plan("staging"), NETWORK, "logs", ("app.staging.pitchbar.com",))
    assert refusal(lambda: LoadBalancer("load-balancer", args), Strange()) == (
        f"Cloudflare gives {count} ranges of IPv4 addresses, and the load balancer has room for 1 to 20. Compare with "
        "https://www.cloudflare.com/ips-v4; if that is right, change ROOM in infra/edge/ranges.py."
    )

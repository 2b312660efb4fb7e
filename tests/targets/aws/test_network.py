"""The network: how it is cut, what leads where, and what its endpoints let through."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest

from infra.targets.aws.network import Network, NetworkArgs
from infra.targets.aws.retention import retention
from infra.targets.aws.settings import TABLE
from infra.targets.aws.subnets import cut
from tests.support.aws import documents
from tests.support.aws.doubles import ACCOUNT, CloudDouble
from tests.support.aws.plans import plan, refusal
from tests.support.engine import Recording, Registered, render

ENVIRONMENTS = ("production", "staging", "preview")
KEY = "arn:aws:kms:us-east-1:123456789012:key/logs"


@functools.cache
def network(name: str) -> Recording:
    def program() -> None:
        facts = Network("network", NetworkArgs(plan(name), KEY)).facts
        for field, value in vars(facts).items():
            pulumi.export(field, value)

    return render(program, stack=name, double=CloudDouble())


def named(recording: Recording, kind: str) -> dict[str, Registered]:
    return {found.name: found for found in recording if found.type.endswith(f":{kind}")}


def source(recording: Recording, resource: Registered, key: str) -> str:
    """The name of what an input comes from; a role and its policy have one name."""
    [name] = {found.name for found in recording if found.urn in resource.sources[key]}
    return name


@pytest.mark.parametrize("zones", range(1, 15))
def test_no_two_subnets_overlap_and_all_are_in_the_network(zones: int) -> None:
    whole = IPv4Network("10.20.0.0/16")
    subnets = [IPv4Network(part) for each in cut("10.20.0.0/16", zones) for part in vars(each).values()]
    assert len(subnets) == 3 * zones
    assert all(subnet.subnet_of(whole) for subnet in subnets)
    assert not any(one.overlaps(two) for number, one in enumerate(subnets) for two in subnets[:number])


def test_another_zone_changes_nothing_of_those_before() -> None:
    assert cut("10.20.0.0/16", 3)[:2] == cut("10.20.0.0/16", 2)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_there_are_three_subnets_in_each_zone_and_none_gives_public_addresses(name: str) -> None:
    found = named(network(name), "Subnet")
    zones = TABLE[name].zones
    assert {each: subnet.inputs["availabilityZone"] for each, subnet in found.items()} == {
        f"{kind}-{zone + 1}": f"us-east-1{'abc'[zone]}"
        for kind in ("public", "private", "data")
        for zone in range(zones)
    }
    assert {subnet.inputs["mapPublicIpOnLaunch"] for subnet in found.values()} == {False}


@pytest.mark.parametrize("kind", ["Vpc", "Subnet", "RouteTable", "InternetGateway", "NatGateway", "Eip", "VpcEndpoint"])
def test_consoles_show_what_is_what(kind: str) -> None:
    for name, found in named(network("staging"), kind).items():
        assert found.inputs["tags"] == {"Name": f"pitchbar-staging-{name}"}


def test_only_public_and_private_subnets_have_a_default_route_and_each_zone_of_production_its_own() -> None:
    recording = network("production")
    assert routes(recording) == {
        "public": "internet",
        "private-1": "nat-1",
        "private-2": "nat-2",
        "private-3": "nat-3",
    }
    assert tables(recording) == {
        **{f"public-{zone}": "public" for zone in (1, 2, 3)},
        **{f"private-{zone}": f"private-{zone}" for zone in (1, 2, 3)},
        **{f"data-{zone}": "data" for zone in (1, 2, 3)},
    }


@pytest.mark.parametrize("name", ["staging", "preview"])
def test_the_zones_of_the_others_share_one_way_out(name: str) -> None:
    assert routes(network(name)) == {"public": "internet", "private-1": "nat-1", "private-2": "nat-1"}
    assert list(named(network(name), "Eip")) == ["nat-1"]


def routes(recording: Recording) -> dict[str, str]:
    """Where the default route of each table leads."""
    found = {}
    for route in named(recording, "Route").values():
        assert route.inputs["destinationCidrBlock"] == "0.0.0.0/0"
        way = "natGatewayId" if "natGatewayId" in route.inputs else "gatewayId"
        found[source(recording, route, "routeTableId")] = source(recording, route, way)
    return found


def tables(recording: Recording) -> dict[str, str]:
    """The table of each subnet."""
    return {
        source(recording, each, "subnetId"): source(recording, each, "routeTableId")
        for each in named(recording, "RouteTableAssociation").values()
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_interface_endpoints_are_where_the_ways_out_are(name: str) -> None:
    recording = network(name)
    endpoints = named(recording, "VpcEndpoint")
    assert {found.inputs["serviceName"] for found in endpoints.values()} == {
        f"com.amazonaws.us-east-1.{service}"
        for service in ("ecr.api", "ecr.dkr", "kms", "logs", "s3", "secretsmanager", "ssmmessages")
    }
    private = named(recording, "Subnet")
    for each, endpoint in endpoints.items():
        if each == "s3":
            tables = {urn.rpartition("::")[2] for urn in endpoint.sources["routeTableIds"]}
            assert tables == {f"private-{zone + 1}" for zone in range(TABLE[name].zones)}
        else:
            assert endpoint.inputs["privateDnsEnabled"] is True
            zones = {urn.rpartition("::")[2] for urn in endpoint.sources["subnetIds"]}
            assert zones == {f"private-{zone + 1}" for zone in range(TABLE[name].nat_gateways)} <= private.keys()


def test_the_endpoints_let_through_what_the_tasks_do_and_by_this_account_only() -> None:
    recording = network("staging")
    assert documents.problems(recording) == []
    endpoints = named(recording, "VpcEndpoint")
    ours = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
    assert statements(endpoints["secretsmanager"]) == [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["secretsmanager:GetSecretValue"],
            "Resource": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:*",
            "Condition": ours,
        }
    ]
    for name, endpoint in endpoints.items():
        for statement in statements(endpoint):
            assert not any("*" in action for action in statement["Action"]), name
            assert statement["Effect"] == "Allow"
            if name != "s3":
                assert statement["Condition"] == ours, name


def test_s3_is_open_to_our_buckets_to_image_layers_and_to_what_is_public() -> None:
    own, layers, public = statements(named(network("staging"), "VpcEndpoint")["s3"])
    assert own["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}}
    assert "s3:PutObject" in own["Action"]
    assert layers["Resource"] == "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"
    assert (layers["Action"], public["Action"]) == (["s3:GetObject"], ["s3:GetObject"])
    assert public["Condition"] == {"StringEquals": {"aws:PrincipalType": "Anonymous"}}


def statements(endpoint: Registered) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(endpoint.inputs["policy"])["Statement"]
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_connection_is_logged_encrypted_and_for_a_time(name: str) -> None:
    recording = network(name)
    log = recording.one("aws:ec2/flowLog:FlowLog")
    group = recording.one("aws:cloudwatch/logGroup:LogGroup")
    assert log.inputs["trafficType"] == "ALL"
    assert source(recording, log, "logDestination") == source(recording, log, "iamRoleArn") == "flow-logs"
    assert group.inputs["kmsKeyId"] == KEY
    assert group.inputs["retentionInDays"] == (7 if name == "preview" else 30)


def test_the_role_of_the_flow_logs_writes_to_its_group_alone() -> None:
    recording = network("staging")
    policy = recording.one("aws:iam/rolePolicy:RolePolicy")
    [statement] = json.loads(policy.inputs["policy"])["Statement"]
    [resource] = statement["Resource"]
    assert resource.startswith(f"arn:aws:logs:us-east-1:{ACCOUNT}:") and resource.endswith(":*")
    assert "flow-logs" in resource


def test_the_default_security_group_lets_nothing_through() -> None:
    group = network("production").one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert group.inputs["ingress"] == group.inputs["egress"] == []


def test_nothing_is_open_to_the_world_and_the_endpoints_only_to_the_network() -> None:
    recording = network("production")
    [rule] = recording.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("10.20.0.0/16", 443, 443)
    assert recording.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule") == ()


def test_the_facts_name_each_zone_once() -> None:
    outputs = network("production").outputs
    assert outputs["cidr"] == "10.20.0.0/16"
    assert [len(outputs[f"{kind}_subnet_ids"]) for kind in ("public", "private", "data")] == [3, 3, 3]
    assert len(set(outputs["nat_addresses"])) == 3


class FewZones(CloudDouble):
    """A region with two zones."""

    def call(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().call(token, arguments)
        if token.endswith(":getAvailabilityZones"):
            assert arguments["state"] == "available"
            assert arguments["filters"] == [{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
            assert "use1-az3" in arguments["excludeZoneIds"]
            answer = {**answer, "names": ["us-west-1c", "us-west-1a"]}
        return answer


def test_a_region_with_too_few_zones_is_refused() -> None:
    assert refusal(lambda: Network("network", NetworkArgs(plan("production"), KEY)), FewZones()) == (
        "pitchbar:region: us-east-1 has 2 availability zones that Fargate runs in, and this environment needs 3. "
        "Choose a larger region (`pulumi config set pitchbar:region us-east`)."
    )


def test_the_first_zones_by_name_are_taken() -> None:
    recording = render(lambda: Network("network", NetworkArgs(plan("staging"), KEY)), double=FewZones())
    assert named(recording, "Subnet")["data-1"].inputs["availabilityZone"] == "us-west-1a"


@pytest.mark.parametrize(("wanted", "taken"), [(1, 1), (7, 7), (8, 14), (35, 60), (366, 400), (3653, 3653)])
def test_logs_are_kept_at_least_as_long_as_wanted(wanted: int, taken: int) -> None:
    assert retention(wanted) == taken

"""Controls of the network: who can reach what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.policy.control import Control, Declared, Judgement, each, never

VPC, SUBNET, ENDPOINT = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP, DEFAULT_GROUP = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
EVERYWHERE = ("0.0.0.0/0", "::/0")
PUBLIC_PORTS = (80, 443)
RISKY_PORTS = (20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601)


def openings(declared: Declared, direction: str) -> Iterator[tuple[str, str, int, int]]:
    """Every rule that lets everybody in (``ingress``), or out to everywhere (``egress``): its resource's name, the
    group's or source's URN, and the ports from and to (all: 0 to 65535)."""
    for resource in declared.of(GROUP):
        for rule in resource.inputs.get(direction, []):
            addresses = {*rule.get("cidrBlocks", []), *rule.get("ipv6CidrBlocks", [])}
            if addresses & set(EVERYWHERE):
                yield resource.name, resource.urn, *_ports(rule)
    for resource in declared.of(INGRESS if direction == "ingress" else EGRESS):
        if {resource.inputs.get("cidrIpv4"), resource.inputs.get("cidrIpv6")} & set(EVERYWHERE):
            [group] = resource.sources.get("securityGroupId") or [""]
            yield resource.name, group, *_ports(resource.inputs)
    for resource in declared.of("aws:ec2/securityGroupRule:SecurityGroupRule"):
        addresses = {*resource.inputs.get("cidrBlocks", []), *resource.inputs.get("ipv6CidrBlocks", [])}
        if resource.inputs["type"] == direction and addresses & set(EVERYWHERE):
            [group] = resource.sources.get("securityGroupId") or [""]
            yield resource.name, group, *_ports(resource.inputs)


def _ports(rule: Mapping[str, Any]) -> tuple[int, int]:
    if str(rule.get("ipProtocol", rule.get("protocol"))) == "-1":
        return 0, 65535
    return int(rule.get("fromPort", 0)), int(rule.get("toPort", 65535))


def _authorized(declared: Declared) -> Iterator[Judgement]:
    for group in declared.of(GROUP):
        yield group.name, ""
    for name, _, first, last in openings(declared, "ingress"):
        fine = first == last and first in PUBLIC_PORTS
        yield name, "" if fine else f"lets everybody in on ports {first} to {last}"


def _risky(declared: Declared) -> Iterator[Judgement]:
    for group in declared.of(GROUP):
        yield group.name, ""
    for name, _, first, last in openings(declared, "ingress"):
        found = [str(port) for port in RISKY_PORTS if first <= port <= last]
        yield name, f"lets everybody in on {', '.join(found)}" if found else ""


def _default_group(declared: Declared) -> Iterator[Judgement]:
    for vpc in declared.of(VPC):
        groups = declared.parts(vpc, DEFAULT_GROUP, "vpcId")
        rules = [rule for group in groups for way in ("ingress", "egress") for rule in group.inputs.get(way, [])]
        yield vpc.name, "" if groups and not rules else "has a default security group with rules"


def _flow_log(declared: Declared) -> Iterator[Judgement]:
    for vpc in declared.of(VPC):
        logs = declared.parts(vpc, "aws:ec2/flowLog:FlowLog", "vpcId")
        yield vpc.name, "" if logs else "has no flow log"


def _endpoint(service: str) -> Callable[[Declared], Iterator[Judgement]]:
    def judge(declared: Declared) -> Iterator[Judgement]:
        for vpc in declared.of(VPC):
            names = [str(part.inputs.get("serviceName")) for part in declared.parts(vpc, ENDPOINT, "vpcId")]
            yield vpc.name, "" if any(name.endswith(f".{service}") for name in names) else f"has no endpoint {service}"

    return judge


def _acl_open(inputs: Mapping[str, Any]) -> str:
    for rule in inputs.get("ingress", []):
        first, last = int(rule["fromPort"]), int(rule["toPort"])
        everybody = rule.get("cidrBlock") in EVERYWHERE and rule["action"].lower() == "allow"
        if everybody and any(first <= port <= last for port in (22, 3389)):
            return "lets everybody in on 22 or 3389"
    return ""


CONTROLS = (
    Control("EC2.2", "The default security group lets nothing through.", "Empty it.", _default_group),
    Control("EC2.6", "Networks have flow logs.", "Add a FlowLog.", _flow_log),
    Control("EC2.10", "EC2's interface is inside the network.", "Add its endpoint.", _endpoint("ec2")),
    Control(
        "EC2.15",
        "Subnets give no public addresses by themselves.",
        "Set map_public_ip_on_launch to False.",
        each(SUBNET, never("mapPublicIpOnLaunch", True)),
    ),
    Control("EC2.18", "Everybody comes in on ports 80 and 443 at most.", "Name who may come.", _authorized),
    Control("EC2.19", "Nobody comes in on risky ports.", "Name who may come.", _risky),
    Control(
        "EC2.21",
        "No network ACL opens 22 or 3389.",
        "Deny them.",
        each("aws:ec2/networkAcl:NetworkAcl", _acl_open),
    ),
    Control("EC2.55", "ECR's interface is inside the network.", "Add its endpoint.", _endpoint("ecr.api")),
    Control("EC2.56", "The registry is inside the network.", "Add its endpoint.", _endpoint("ecr.dkr")),
)

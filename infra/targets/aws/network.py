"""The private network."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.endpoints import Endpoints, EndpointsArgs
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import allowing, create_role
from infra.targets.aws.settings import settings
from infra.targets.aws.subnets import cut, find_zones
from infra.targets.aws.tags import name_tag
from infra.targets.base import Plan, cloud_of

EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class NetworkArgs:
    """``logs_key_arn``: the KMS key of the flow logs."""

    plan: Plan
    logs_key_arn: Input[str]


class Network(pulumi.ComponentResource):
    """A VPC over the environment's zones, with three subnets in each.

    Public ones hold the load balancer and the NAT gateways, and give no address by themselves (FSBP EC2.15). Private
    ones hold the tasks; their way out is the NAT gateway of their zone, or of the only zone that has one, and their
    security groups leave it to the crawler. Data subnets hold the databases and have no way out at all. Flow logs
    record every connection (EC2.6); the default security group lets nothing through (EC2.2). Network ACLs stay the
    default ones: what may connect to what is said once, in the security groups (:mod:`infra.targets.aws.access`).
    """

    facts: foundation.Network

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Network", name, None, opts)
        self._plan = args.plan
        self._cidr = args.plan.environment.network.cidr
        self._settings = settings(args.plan.environment.name)
        self._child = ResourceOptions(parent=self)
        self._zones = self._find_zones()
        self._cuts = cut(self._cidr, len(self._zones))
        self._vpc = self._create_vpc()
        self._empty_default_security_group()
        self._create_flow_logs(args.logs_key_arn)
        self._gateway = self._create_gateway()
        self._public = self._create_public_subnets()
        self._addresses, self._nats = self._create_nat_gateways()
        self._private, self._private_routes = self._create_private_subnets()
        self._data = self._create_data_subnets()
        self._endpoints = self._create_endpoints()
        self.facts = self._facts()
        self.register_outputs({"vpc_id": self._vpc.id, "nat_addresses": self.facts.nat_addresses})

    def _find_zones(self) -> tuple[str, ...]:
        return find_zones(cloud_of(self._plan).region, self._settings.zones, pulumi.InvokeOptions(parent=self))

    def _create_vpc(self) -> aws.ec2.Vpc:
        # The names of the interface endpoints and of Cloud Map need both kinds of DNS support.
        return aws.ec2.Vpc(
            "network",
            cidr_block=self._cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=name_tag(self._plan, "network"),
            opts=self._child,
        )

    def _empty_default_security_group(self) -> None:
        aws.ec2.DefaultSecurityGroup("default", vpc_id=self._vpc.id, ingress=[], egress=[], opts=self._child)

    def _create_flow_logs(self, key_arn: Input[str]) -> None:
        group = create_log_group(self._plan, "flow-logs", key_arn, self._child)
        role = create_role(
            self._plan,
            "flow-logs",
            service="vpc-flow-logs.amazonaws.com",
            description="Writes the flow logs of the network",
            statements=[
                allowing(
                    ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    [Output.concat(group.arn, ":*")],
                )
            ],
            opts=self._child,
        )
        aws.ec2.FlowLog(
            "flow-logs",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            opts=self._child,
        )

    def _create_gateway(self) -> aws.ec2.InternetGateway:
        return aws.ec2.InternetGateway(
            "internet", vpc_id=self._vpc.id, tags=name_tag(self._plan, "internet"), opts=self._child
        )

    def _create_public_subnets(self) -> list[aws.ec2.Subnet]:
        table = self._create_route_table("public")
        aws.ec2.Route(
            "public-to-internet",
            route_table_id=table.id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=self._gateway.id,
            opts=self._child,
        )
        return [self._create_subnet("public", zone, self._cuts[zone].public, table) for zone in range(len(self._zones))]

    def _create_nat_gateways(self) -> tuple[list[aws.ec2.Eip], list[aws.ec2.NatGateway]]:
        addresses, nats = [], []
        ready = ResourceOptions(parent=self, depends_on=[self._gateway])
        for number, subnet in enumerate(self._public[: self._settings.nat_gateways], start=1):
            name = f"nat-{number}"
            address = aws.ec2.Eip(name, domain="vpc", tags=name_tag(self._plan, name), opts=ready)
            addresses.append(address)
            nats.append(
                aws.ec2.NatGateway(
                    name, subnet_id=subnet.id, allocation_id=address.id, tags=name_tag(self._plan, name), opts=ready
                )
            )
        return addresses, nats

    def _create_private_subnets(self) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        subnets, tables = [], []
        for zone in range(len(self._zones)):
            table = self._create_route_table(f"private-{zone + 1}")
            aws.ec2.Route(
                f"private-{zone + 1}-to-nat",
                route_table_id=table.id,
                destination_cidr_block=EVERYWHERE,
                nat_gateway_id=self._nats[min(zone, len(self._nats) - 1)].id,
                opts=self._child,
            )
            subnets.append(self._create_subnet("private", zone, self._cuts[zone].private, table))
            tables.append(table)
        return subnets, tables

    def _create_data_subnets(self) -> list[aws.ec2.Subnet]:
        table = self._create_route_table("data")
        return [self._create_subnet("data", zone, self._cuts[zone].data, table) for zone in range(len(self._zones))]

    def _create_route_table(self, name: str) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(name, vpc_id=self._vpc.id, tags=name_tag(self._plan, name), opts=self._child)

    def _create_subnet(self, kind: str, zone: int, cidr: str, table: aws.ec2.RouteTable) -> aws.ec2.Subnet:
        name = f"{kind}-{zone + 1}"
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            availability_zone=self._zones[zone],
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags=name_tag(self._plan, name),
            opts=self._child,
        )
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
        return subnet

    def _create_endpoints(self) -> Endpoints:
        args = EndpointsArgs(
            plan=self._plan,
            vpc_id=self._vpc.id,
            cidr=self._cidr,
            subnet_ids=[subnet.id for subnet in self._private[: self._settings.nat_gateways]],
            route_table_ids=[table.id for table in self._private_routes],
        )
        return Endpoints("endpoints", args, self._child)

    def _facts(self) -> foundation.Network:
        return foundation.Network(
            vpc_id=self._vpc.id,
            cidr=self._cidr,
            public_subnet_ids=[subnet.id for subnet in self._public],
            private_subnet_ids=[subnet.id for subnet in self._private],
            data_subnet_ids=[subnet.id for subnet in self._data],
            s3_prefix_list_id=self._endpoints.s3_prefix_list_id,
            endpoints_security_group_id=self._endpoints.security_group_id,
            nat_addresses=[address.public_ip for address in self._addresses],
        )

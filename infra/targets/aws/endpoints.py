"""AWS's services inside the network."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.targets.aws.endpoint_policies import interface_policies, s3_policy
from infra.targets.aws.tags import name_tag
from infra.targets.base import Plan, cloud_of


@dataclass(frozen=True)
class EndpointsArgs:
    """``cidr``: the network's addresses. ``subnet_ids``: where the interface endpoints are. ``route_table_ids``: whose
    traffic to S3 takes the gateway."""

    plan: Plan
    vpc_id: Input[str]
    cidr: str
    subnet_ids: Sequence[Input[str]]
    route_table_ids: Sequence[Input[str]]


class Endpoints(pulumi.ComponentResource):
    """S3's gateway endpoint, and an interface endpoint for each service that a task needs to start, to log and to be
    entered (FSBP EC2.55, EC2.56).

    Where they pay, at us-east-1's prices: the gateway costs nothing, and saves NAT's 0.045 $ on every GB of image
    layers. The six interface endpoints cost 0.01 $ an hour in each zone: 6 x 730 h x 0.01 $ = 44 $ a month in one zone,
    131 $ in three. A GB through them is 0.035 $ cheaper than through NAT, so for the money alone they would pay from
    1.3 TB a month on in one zone, 3.8 TB in three; but layers are in S3, and what is left (logs, secrets) is some GB.
    What they buy is that no process but the crawler has a way out: without them every task would need port 443 of the
    whole internet to start. So every environment has them, but in as many zones only as it has NAT gateways:
    production outlives the loss of a zone, the others save 44 $ for every further one.

    Not met: FSBP EC2.10 (the API of EC2), EC2.57, EC2.58, EC2.60 (Systems Manager), since nothing inside calls those.
    """

    security_group_id: Output[str]
    """It lets the whole network in, so that the stacks on a base need no rule of their own in it (a group has room for
    60). Who wants to reach the services opens its own side, port 443, to it."""
    s3_prefix_list_id: Output[str]

    def __init__(self, name: str, args: EndpointsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Endpoints", name, None, opts)
        self._args = args
        self._cloud = cloud_of(args.plan)
        self._child = ResourceOptions(parent=self)
        self.security_group_id = self._create_security_group()
        self.s3_prefix_list_id = self._create_s3_gateway()
        self._create_interfaces()
        self.register_outputs(
            {"security_group_id": self.security_group_id, "s3_prefix_list_id": self.s3_prefix_list_id}
        )

    def _create_security_group(self) -> Output[str]:
        group = aws.ec2.SecurityGroup(
            "endpoints",
            vpc_id=self._args.vpc_id,
            description="AWS services inside the network",
            opts=self._child,
        )
        aws.vpc.SecurityGroupIngressRule(
            "network-to-endpoints",
            security_group_id=group.id,
            cidr_ipv4=self._args.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="network to endpoints",
            opts=self._child,
        )
        return group.id

    def _create_s3_gateway(self) -> Output[str]:
        gateway = aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=self._service("s3"),
            route_table_ids=self._args.route_table_ids,
            tags=name_tag(self._args.plan, "s3"),
            policy=s3_policy(self._cloud),
            opts=self._child,
        )
        return gateway.prefix_list_id

    def _create_interfaces(self) -> None:
        for service, policy in interface_policies(self._cloud).items():
            name = service.replace(".", "-")
            aws.ec2.VpcEndpoint(
                name,
                vpc_id=self._args.vpc_id,
                vpc_endpoint_type="Interface",
                service_name=self._service(service),
                subnet_ids=self._args.subnet_ids,
                security_group_ids=[self.security_group_id],
                private_dns_enabled=True,
                tags=name_tag(self._args.plan, name),
                policy=policy,
                opts=self._child,
            )

    def _service(self, service: str) -> str:
        return f"com.amazonaws.{self._cloud.region}.{service}"

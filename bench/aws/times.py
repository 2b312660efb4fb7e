"""How long AWS takes to make things, as others have published it, and what is only assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LOGS = "logs of `terraform apply` in public repositories"


@dataclass(frozen=True)
class Time:
    """Seconds until a thing can be used by what needs it, and where that is from."""

    seconds: float
    source: str


CALL = Time(2, "assumed: one call of an interface that answers at once, and reading back what it made")
TIMES: Mapping[str, Time] = {
    "aws:rds/instance:Instance": Time(452, f"{_LOGS}: seven of 302 to 512 s, their median"),
    "aws:elasticache/replicationGroup:ReplicationGroup": Time(483, f"{_LOGS}: four of 358 to 555 s, their median"),
    "aws:lb/loadBalancer:LoadBalancer": Time(152, f"{_LOGS}: six of 135 to 187 s, their median"),
    "aws:ec2/natGateway:NatGateway": Time(107, f"{_LOGS}: seven of 85 to 124 s, their median"),
    "aws:acm/certificateValidation:CertificateValidation": Time(61, f"{_LOGS}: one, with DNS beside it"),
    "aws:ec2/vpc:Vpc": Time(20, "turbot/steampipe-plugin-aws#184 and #246: 20 and 39 s"),
    "aws:ec2/subnet:Subnet": Time(8, "turbot/steampipe-plugin-aws#184 and #246: 5 and 8 s"),
    "aws:elasticache/subnetGroup:SubnetGroup": Time(8, "turbot/steampipe-plugin-aws#184 and #246: 8 and 2 s"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Time(90, "assumed: a network interface in each zone, and its private DNS"),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Time(45, "assumed: a hosted zone of Route 53"),
    "aws:lambda/function:Function": Time(15, "assumed: a function with network interfaces"),
}
MULTI_AZ = Time(357, "hashicorp/terraform#498: the log of an instance's conversion, which AWS does after making it")
TASK_START = Time(
    35, "assumed: 10 s for the network interface, the rest for an image of 60 to 130 MB (qiita.com/kjm/items/a86c5a42)"
)
APP_START = Time(3, "measured on this project's two cores: a process of the app is ready in 1 s; Fargate's are slower")
ONE_OFF = Time(5, "assumed: what a migration or the making of a database does, once its task runs")
NOTICE = Time(10, "assumed: how often ECS and the provider look whether a roll-out has ended")
ASKING = Time(10, "assumed: the questions from outside, among them a job through the worker")
IMAGE = Time(0, "left out: how long a build takes depends on who builds")

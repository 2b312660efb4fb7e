"""Who may connect to whom. What owns a port owns its security group, and others ask it for access here; nobody writes
a rule by hand."""

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra.targets.aws.foundation import Network

HTTPS = 443
Rule = aws.vpc.SecurityGroupEgressRule | aws.vpc.SecurityGroupIngressRule


def allow(name: str, *, source: Input[str], owner: Input[str], port: Input[int], opts: ResourceOptions) -> list[Rule]:
    """Let the security group ``source`` connect to the one that owns the TCP ``port``: one rule on each side, both
    called ``name``, which says who connects to what (``app-to-postgres``)."""
    description = name.replace("-", " ")
    egress = aws.vpc.SecurityGroupEgressRule(
        name,
        security_group_id=source,
        referenced_security_group_id=owner,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=description,
        opts=opts,
    )
    ingress = aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=owner,
        referenced_security_group_id=source,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=description,
        opts=opts,
    )
    return [egress, ingress]


def task_security_group(
    name: str, *, vpc_id: Input[str], description: str, opts: ResourceOptions
) -> aws.ec2.SecurityGroup:
    """A security group that lets nothing in and nothing out; every way is opened by its own rule."""
    return aws.ec2.SecurityGroup(name, vpc_id=vpc_id, description=description, opts=opts)


def reach_services(name: str, *, source: Input[str], network: Network, opts: ResourceOptions) -> list[Rule]:
    """Let the task ``name`` reach what ECS needs it to: the services of AWS inside the network (registry, logs,
    secrets, operators' sessions), whose own group lets the whole network in, and S3, where images' layers are."""
    layers = aws.vpc.SecurityGroupEgressRule(
        f"{name}-to-s3",
        security_group_id=source,
        prefix_list_id=network.s3_prefix_list_id,
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        description=f"{name} to S3 through the gateway: layers of images",
        opts=opts,
    )
    services = aws.vpc.SecurityGroupEgressRule(
        f"{name}-to-services",
        security_group_id=source,
        referenced_security_group_id=network.endpoints_security_group_id,
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        description=f"{name} to the services of AWS inside the network",
        opts=opts,
    )
    return [layers, services]

"""Who may connect to whom. What owns a port owns its security group, and others ask it for access here; nobody writes
a rule by hand."""

import pulumi_aws as aws
from pulumi import Input, ResourceOptions


def allow(
    name: str, *, source: Input[str], owner: Input[str], port: Input[int], opts: ResourceOptions
) -> list[aws.vpc.SecurityGroupEgressRule | aws.vpc.SecurityGroupIngressRule]:
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

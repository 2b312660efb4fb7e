"""The recording engine and its doubles of the clouds, on small programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from infra.resources import Secret, SecretArgs
from tests.support.aws.doubles import CloudDouble
from tests.support.engine import Recording, render


def recorded(program: Callable[[], object]) -> Recording:
    """What a program declares; the double has one other stack."""
    return render(program, stack="staging", double=CloudDouble({"organization/pitchbar/base": {"vpc": "vpc-1"}}))


def everything() -> None:
    """A program with one of each thing that is to be recorded."""
    import pulumi_aws as aws
    import pulumi_cloudflare as cloudflare

    provider = aws.Provider("aws", region="us-east-1", default_tags={"tags": {"project": "pitchbar"}})
    component = pulumi.ComponentResource("pitchbar:test:Component", "component")
    child = pulumi.ResourceOptions(parent=component, provider=provider)
    zones = aws.get_availability_zones_output(state="available", opts=pulumi.InvokeOptions(provider=provider))
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=child)
    subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, availability_zone=zones.names[1], opts=child)
    certificate = aws.acm.Certificate("certificate", domain_name="*.pitchbar.example", opts=child)
    validation = certificate.domain_validation_options[0]
    cloudflare.DnsRecord(
        "validation",
        zone_id=cloudflare.get_zone_output(zone_id="0123").zone_id.apply(str),
        name=validation.resource_record_name,
        type=validation.resource_record_type,
        content=validation.resource_record_value,
        ttl=60,
        opts=pulumi.ResourceOptions(parent=component),
    )
    secret = Secret("token", SecretArgs("token"), pulumi.ResourceOptions(parent=component))
    aws.rds.Instance(
        "database",
        instance_class="db.t4g.medium",
        password=secret.value,
        opts=pulumi.ResourceOptions.merge(
            child,
            pulumi.ResourceOptions(
                protect=True, ignore_changes=["engineVersion"], depends_on=[subnet], retain_on_delete=True
            ),
        ),
    )
    other = pulumi.StackReference("organization/pitchbar/base")
    pulumi.export("vpc", vpc.id)
    pulumi.export("theirs", other.require_output("vpc"))
    pulumi.export("token", secret.value)


def test_what_a_program_says_is_recorded() -> None:
    recording = recorded(everything)
    database = recording.one("aws:rds/instance:Instance")
    assert database.parent.endswith("pitchbar:test:Component::component")
    assert (database.options.protect, database.options.retain_on_delete) == (True, True)
    assert database.options.ignore_changes == ("engineVersion",)
    assert database.options.provider.startswith(recording.one("pulumi:providers:aws").urn)
    assert database.secrets == {"password"}
    assert "password" in database.options.secret_outputs
    assert recording.one("aws:ec2/subnet:Subnet").urn in database.dependencies
    assert database.sources["password"] == {recording.one("pitchbar:index:Secret").urn}
    subnet = recording.one("aws:ec2/subnet:Subnet")
    assert subnet.inputs["vpcId"] == recording.outputs["vpc"]
    assert recording.outputs["vpc"].startswith("vpc-")
    assert subnet.inputs["availabilityZone"] == "us-east-1b"
    record = recording.one("cloudflare:index/dnsRecord:DnsRecord")
    assert record.inputs["name"] == "_double.pitchbar.example."
    assert recording.outputs["theirs"] == "vpc-1"
    assert recording.secret_outputs == {"token"}


def test_a_defect_anywhere_fails_the_evaluation() -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.ec2.Vpc("fine", cidr_block="10.0.0.0/16")
        rule: Any = {"form_port": 1, "to_port": 2, "protocol": "tcp"}
        aws.ec2.DefaultSecurityGroup("closed", ingress=[rule])

    with pytest.raises(AssertionError) as refusal:
        recorded(program)
    where = "closed: aws:ec2/defaultSecurityGroup:DefaultSecurityGroup.ingress[0]"
    assert str(refusal.value).splitlines() == [
        f"{where}.form_port is unknown; fromPort was probably meant",
        f"{where}.fromPort is missing",
    ]


def test_a_function_without_an_answer_is_named() -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.ec2.get_ami(owners=["self"])

    with pytest.raises(Exception, match="the program called aws:ec2/getAmi:getAmi: give it an answer"):
        recorded(program)


def test_another_stack_that_is_not_there_is_named() -> None:
    with pytest.raises(Exception, match="the program reads stack organization/pitchbar/missing"):
        recorded(lambda: pulumi.StackReference("organization/pitchbar/missing"))


def test_a_local_program_still_has_no_cloud() -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")

    with pytest.raises(AssertionError, match="aws:ec2/vpc:Vpc is no type of the plugin"):
        render(program)

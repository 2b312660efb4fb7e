"""What looks at a release of the app before visitors come to it: a function that ECS calls during the switch."""

import json
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Resource, ResourceOptions

from infra import model
from infra.edge.cache import WIDGET
from infra.targets.aws import foundation
from infra.targets.aws.access import task_security_group
from infra.targets.aws.functions import FunctionArgs, create_function
from infra.targets.aws.load_balancer import TEST_PORT
from infra.targets.aws.roles import GrantedRole, allowing, create_role
from infra.targets.base import Plan

CODE = Path(__file__).parent / "probe" / "release.py"
STAGE = "POST_TEST_TRAFFIC_SHIFT"
"""The test listener leads to the new release, and visitors still come to the one before."""

_NAME = "release-check"
_SECONDS = 90
"""More than the function's own patience: what takes longer is a failure, and ECS takes the release back."""


@dataclass(frozen=True, kw_only=True)
class ReleaseCheckArgs:
    """``host``: the app's name."""

    plan: Plan
    process: model.Served
    foundation: foundation.Foundation
    host: str


class ReleaseCheck(pulumi.ComponentResource):
    """A Lambda function that asks the test listener, and the role by which ECS calls it. Its one way out is that
    listener's port. Its addresses are the load balancer's public ones, which change, so the port is open to anywhere.

    Not met where it is: CKV_AWS_50, 115, 116, 272, for the reasons of the queue probe's; what fails is the release's.
    """

    hook: aws.ecs.ServiceDeploymentConfigurationLifecycleHookArgsDict

    def __init__(self, name: str, args: ReleaseCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:ReleaseCheck", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        group = self._create_security_group()
        function = self._create_function(group, self._create_way(group))
        caller = self._create_caller(function)
        self.hook = self._hook(function, caller)
        self.register_outputs({"function_arn": function.arn})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return task_security_group(
            _NAME, vpc_id=self._args.foundation.network.vpc_id, description="The release check", opts=self._opts
        )

    def _create_way(self, group: aws.ec2.SecurityGroup) -> Resource:
        return aws.vpc.SecurityGroupEgressRule(
            f"{_NAME}-to-test",
            security_group_id=group.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=TEST_PORT,
            to_port=TEST_PORT,
            description="Open: the test listener is at the addresses of the load balancer, which change",
            opts=self._opts,
        )

    def _create_function(self, group: aws.ec2.SecurityGroup, way: Resource) -> aws.lambda_.Function:
        args, bundled = self._args, self._args.plan.environment.runtime == "bundled"
        wanted = FunctionArgs(
            plan=args.plan,
            foundation=args.foundation,
            description="Looks at a release of the app before visitors come to it",
            role_description="How the release check writes its log",
            code=CODE,
            seconds=_SECONDS,
            variables={
                "ADDRESS": args.foundation.load_balancer.dns_name,
                "PORT": str(TEST_PORT),
                "HOST": args.host,
                # Another image says of itself only that it is ready.
                "PAGES": ",".join([args.process.ready_path, *([WIDGET] if bundled else [])]),
                "RELEASE_PATH": args.process.health_path if bundled else "",
            },
            security_group_id=group.id,
            ways=[way],
        )
        return create_function(_NAME, wanted, self)

    def _create_caller(self, function: aws.lambda_.Function) -> GrantedRole:
        return create_role(
            self._args.plan,
            f"{_NAME}-caller",
            service="ecs.amazonaws.com",
            description="How ECS calls the release check",
            statements=[allowing(["lambda:InvokeFunction"], [function.arn])],
            opts=self._opts,
        )

    def _hook(
        self, function: aws.lambda_.Function, caller: GrantedRole
    ) -> aws.ecs.ServiceDeploymentConfigurationLifecycleHookArgsDict:
        """The release is what ECS tells the function, so that a deployment is never compared with another's."""
        return {
            "hook_target_arn": function.arn,
            "role_arn": caller.arn,
            "lifecycle_stages": [STAGE],
            "hook_details": json.dumps({"release": self._args.plan.release}),
        }

"""Where alarms go."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.cloud_names import name_prefix, role_path
from infra.targets.aws import foundation
from infra.targets.aws.roles import document
from infra.targets.base import Plan, cloud_of

_TELLERS = ("cloudwatch", "events.rds")
"""Who says for which account it publishes."""


def _failures(plan: Plan) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Descriptions and patterns of events, for this stack's things only: an account may have several stacks. A job of
    AWS Backup is known by the role that it runs as; one that tells of none is rather told twice than to nobody."""
    cloud = cloud_of(plan)
    services = f"arn:aws:ecs:{cloud.region}:{cloud.account}:service/{name_prefix(cloud.product, plan.stack)}"
    roles = f"arn:aws:iam::{cloud.account}:role{role_path(cloud.product, plan.stack)}"
    ours = {"iamRoleArn": [{"prefix": roles}, {"exists": False}]}
    return {
        "failed-roll-outs": (
            "Roll-outs that ECS gave up or took back",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [{"prefix": services}],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
        ),
        "failed-backups": (
            "Backups, and copies of them, that failed, were broken off or ran out of time",
            {
                "source": ["aws.backup"],
                "detail-type": ["Backup Job State Change", "Copy Job State Change"],
                "detail": {"state": ["FAILED", "ABORTED", "EXPIRED"], **ours},
            },
        ),
        "failed-restores": (
            "Restores, also tried ones, that failed",
            {
                "source": ["aws.backup"],
                "detail-type": ["Restore Job State Change"],
                "detail": {"status": ["FAILED", "ABORTED"], **ours},
            },
        ),
    }


@dataclass(frozen=True, kw_only=True)
class AlarmTopicArgs:
    """``keys``: what is told is encrypted with the logs key."""

    plan: Plan
    keys: foundation.Keys


class AlarmTopic(pulumi.ComponentResource):
    """A topic for AWS' own services of this account, and ``pitchbar:alarm-email`` as its subscriber (SNS.1, SNS.4,
    CKV_AWS_26, CKV_AWS_385). The address confirms by a link in its first mail.

    Failed roll-outs, backups, their copies and restores are told as they happen. Not met: SNS.2 (delivery status is
    logged for HTTP, Lambda and the like; there are none).
    """

    arn: Output[str]

    def __init__(self, name: str, args: AlarmTopicArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:AlarmTopic", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        topic = aws.sns.Topic("alarms", kms_master_key_id=args.keys.logs_key_arn, opts=self._opts)
        policy = self._create_policy(topic)
        self._create_subscription(topic)
        self._create_event_rules(topic, policy)
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})

    def _create_policy(self, topic: aws.sns.Topic) -> aws.sns.TopicPolicy:
        own = {"StringEquals": {"aws:SourceAccount": cloud_of(self._args.plan).account}}
        publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic.arn}
        statements = [
            {
                "Sid": "Alarms",
                **publish,
                "Principal": {"Service": [f"{teller}.amazonaws.com" for teller in _TELLERS]},
                "Condition": own,
            },
            # EventBridge publishes to no topic whose policy names a condition. Its rules reach topics of their own
            # account only.
            {"Sid": "Events", **publish, "Principal": {"Service": "events.amazonaws.com"}},
        ]
        return aws.sns.TopicPolicy("alarms", arn=topic.arn, policy=document(statements), opts=self._opts)

    def _create_subscription(self, topic: aws.sns.Topic) -> None:
        address = cloud_of(self._args.plan).alarm_email
        if address:
            aws.sns.TopicSubscription("alarms", topic=topic.arn, protocol="email", endpoint=address, opts=self._opts)

    def _create_event_rules(self, topic: aws.sns.Topic, policy: aws.sns.TopicPolicy) -> None:
        for name, (description, pattern) in _failures(self._args.plan).items():
            rule = aws.cloudwatch.EventRule(
                name, description=description, event_pattern=json.dumps(pattern, sort_keys=True), opts=self._opts
            )
            aws.cloudwatch.EventTarget(
                name,
                rule=rule.name,
                arn=topic.arn,
                opts=ResourceOptions(parent=self, depends_on=[policy]),
            )

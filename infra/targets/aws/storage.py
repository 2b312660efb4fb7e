"""Buckets: the app's files, and what load balancer and S3 log."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.buckets import BucketArgs, create_bucket
from infra.targets.aws.roles import Statement, allowing
from infra.targets.base import Plan, cloud_of

ACCESS_LOGS = "load-balancer"
"""Where the load balancer's access logs are in the log bucket."""

_OLD_LOGS_DAYS = 1


@dataclass(frozen=True)
class StorageArgs:
    """``log_bucket``: who notes each access; None where the environment has no log bucket of its own."""

    plan: Plan
    keys: foundation.Keys
    log_bucket: Input[str] | None = None


class Storage(pulumi.ComponentResource):
    """The app's files. What is overwritten or deleted stays as long as a backup of the database, so that both can go
    back to the same day. Copies in a second region (CKV_AWS_144), object lock (CKV_AWS_143) and events (S3.11,
    CKV2_AWS_62) aren't there: nothing reads the events, and a file can be fetched or uploaded again."""

    bucket: Output[str]
    arn: Output[str]
    statements: Sequence[Statement]
    """What a process that uses the files needs in its role."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Storage", name, None, opts)
        environment = args.plan.environment
        made = create_bucket(
            BucketArgs(
                plan=args.plan,
                name="files",
                key_arn=args.keys.data_key_arn,
                protect=environment.protect,
                expire_days=None,
                old_days=environment.backups.retention if environment.storage.versioned else None,
                log_bucket=args.log_bucket,
            ),
            ResourceOptions(parent=self),
        )
        self.bucket, self.arn = made.name, made.arn
        self.statements = _using(made.arn, args.keys.data_key_arn, cloud_of(args.plan).region)
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})


@dataclass(frozen=True)
class LogBucketArgs:
    """The environment whose logs they are."""

    plan: Plan


class LogBucket(pulumi.ComponentResource):
    """Access logs of the load balancer and of the other buckets, for as long as the model keeps logs. It is encrypted
    by S3's own key, the only one that the load balancer can write with (CKV_AWS_145 isn't met), and doesn't log access
    to itself, which would never end (S3.9, CKV_AWS_18 aren't met)."""

    bucket: Output[str]
    arn: Output[str]

    def __init__(self, name: str, args: LogBucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:LogBucket", name, None, opts)
        environment = args.plan.environment
        made = create_bucket(
            BucketArgs(
                plan=args.plan,
                name="logs",
                key_arn=None,
                protect=environment.protect,
                statements=lambda arn: _delivering(arn, args.plan),
                expire_days=environment.telemetry.log_retention,
                old_days=_OLD_LOGS_DAYS,
                log_bucket=None,
            ),
            ResourceOptions(parent=self),
        )
        self.bucket, self.arn = made.name, made.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})


def _using(arn: Output[str], key_arn: Input[str], region: str) -> list[Statement]:
    through = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    objects = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    return [
        allowing(objects, [Output.concat(arn, "/*")]),
        allowing(["s3:ListBucket"], [arn]),
        allowing(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn], Condition=through),
    ]


def _delivering(arn: Output[str], plan: Plan) -> list[Statement]:
    """The two services that write logs, each for this account only and to its own place."""
    cloud = cloud_of(plan)
    balancers = f"arn:aws:elasticloadbalancing:{cloud.region}:{cloud.account}:loadbalancer/*"
    return [
        {
            "Sid": "LoadBalancer",
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": Output.concat(arn, f"/{ACCESS_LOGS}/AWSLogs/{cloud.account}/*"),
            "Condition": {"ArnLike": {"aws:SourceArn": balancers}},
        },
        {
            "Sid": "Buckets",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": Output.concat(arn, "/s3/*"),
            "Condition": {"StringEquals": {"aws:SourceAccount": cloud.account}},
        },
    ]

"""What every bucket has: nobody outside, no plain HTTP, no lists of rights beside its policy, old versions that go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.targets.aws.roles import Statement, document
from infra.targets.aws.settings import settings
from infra.targets.base import Plan

_MULTIPART_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    """``key_arn`` None: encrypted by S3's own key. ``statements``: for its ARN, those of its policy besides the ban on
    plain HTTP. ``expire_days``: after which what is in it goes; None: never. ``old_days``: how long what was
    overwritten or deleted stays; None: the bucket has no versions. ``log_bucket``: who notes each access."""

    plan: Plan
    name: str
    key_arn: Input[str] | None
    protect: bool
    statements: Callable[[Output[str]], Sequence[Statement]] | None = None
    expire_days: int | None
    old_days: int | None
    log_bucket: Input[str] | None


@dataclass(frozen=True)
class Bucket:
    """``name`` is known once the bucket's policy is there, so that who writes to it never comes too early."""

    name: Output[str]
    arn: Output[str]


def create_bucket(args: BucketArgs, opts: ResourceOptions) -> Bucket:
    """S3.1–.3, .5, .6, .8–.10, .12, .13; CKV_AWS_18–21, 57, 70, 145; CKV2_AWS_6, 61. ``opts``: the children's."""
    # Its logical name is the state's key: a rename deletes what is in it.
    bucket = aws.s3.Bucket(
        args.name,
        force_destroy=settings(args.plan.environment.name).force_destroy,
        opts=ResourceOptions.merge(opts, ResourceOptions(protect=args.protect)),
    )
    closed = aws.s3.BucketPublicAccessBlock(
        args.name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    owned = aws.s3.BucketOwnershipControls(
        args.name,
        bucket=bucket.id,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=opts,
    )
    _encrypt(args, bucket, opts)
    # S3 refuses two changes of one bucket's access at the same time.
    policy = aws.s3.BucketPolicy(
        args.name,
        bucket=bucket.id,
        policy=document([*_only_tls(bucket.arn), *(args.statements(bucket.arn) if args.statements else ())]),
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[closed, owned])),
    )
    _expire(args, bucket, _version(args, bucket, opts), opts)
    if args.log_bucket is not None:
        aws.s3.BucketLogging(
            args.name, bucket=bucket.id, target_bucket=args.log_bucket, target_prefix=f"s3/{args.name}/", opts=opts
        )
    return Bucket(Output.all(bucket.bucket, policy.id).apply(lambda known: str(known[0])), bucket.arn)


def _encrypt(args: BucketArgs, bucket: aws.s3.Bucket, opts: ResourceOptions) -> None:
    algorithm = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256" if args.key_arn is None else "aws:kms", kms_master_key_id=args.key_arn
    )
    rule = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=algorithm, bucket_key_enabled=args.key_arn is not None
    )
    aws.s3.BucketServerSideEncryptionConfiguration(args.name, bucket=bucket.id, rules=[rule], opts=opts)


def _version(args: BucketArgs, bucket: aws.s3.Bucket, opts: ResourceOptions) -> list[Resource]:
    if args.old_days is None:
        return []
    status = aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled")
    return [aws.s3.BucketVersioning(args.name, bucket=bucket.id, versioning_configuration=status, opts=opts)]


def _expire(args: BucketArgs, bucket: aws.s3.Bucket, after: Sequence[Resource], opts: ResourceOptions) -> None:
    everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    rules = [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="clean-up",
            status="Enabled",
            filter=everything,
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=_MULTIPART_DAYS
                )
            ),
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=args.old_days
            )
            if args.old_days is not None
            else None,
        )
    ]
    if args.expire_days is not None:
        rules.append(
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="expire",
                status="Enabled",
                filter=everything,
                expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days),
            )
        )
    aws.s3.BucketLifecycleConfiguration(
        args.name,
        bucket=bucket.id,
        rules=rules,
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))),
    )


def _only_tls(arn: Output[str]) -> list[Statement]:
    everything = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, Output.concat(arn, "/*")],
    }
    return [
        {"Sid": "OnlyTls", **everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "OnlyModernTls", **everything, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]

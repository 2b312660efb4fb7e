"""The bucket of the stacks' states and of the releases' manifests: versioned, encrypted, for TLS only, never public."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from infra.cloud_names import state_bucket
from infra.errors import UserError
from infra.ops.bootstrap.wish import Change, Wish

_OLD_VERSIONS_DAYS = 90
"""How long an overwritten state or manifest can be had back."""

_MISSING = {
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
}


def ensure_bucket(s3: Any, wish: Wish) -> Change:
    """Make the bucket, or bring one that is there to what it should be. Raises :class:`UserError` for one of somebody
    else's."""
    name = state_bucket(wish.product, wish.account, wish.region)
    there = _is_there(s3, name, wish.account)
    if not there and not wish.dry_run:
        where = {} if wish.region == "us-east-1" else {"LocationConstraint": wish.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        s3.get_waiter("bucket_exists").wait(Bucket=name)
    parts = []
    for part, (look, put, wanted) in _parts(s3, wish, name).items():
        if not there or look() != wanted:
            parts.append(part)
            if not wish.dry_run:
                put(wanted)
    return Change("bucket", name, "created" if not there else "changed" if parts else "unchanged", tuple(parts))


def _is_there(s3: Any, name: str, account: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in ("404", "NoSuchBucket"):
            return False
        if code in ("403", "AccessDenied"):
            raise UserError(
                f"The bucket {name} is there and is not account {account}'s, or these credentials may not see it. "
                "Type: `aws sts get-caller-identity` to see whose they are."
            ) from None
        raise
    return True


_Part = tuple[Callable[[], Any], Callable[[Any], Any], Any]


def _parts(s3: Any, wish: Wish, name: str) -> Mapping[str, _Part]:
    """Each part of the configuration: how to look, how to set, and what it should be."""
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    encryption = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
    ownership = [{"ObjectOwnership": "BucketOwnerEnforced"}]
    tags = [{"Key": "ManagedBy", "Value": "pitchbar bootstrap"}, {"Key": "Project", "Value": wish.product}]

    def found(operation: Callable[..., Any], *path: str) -> Callable[[], Any]:
        return lambda: _look(operation, name, *path)

    return {
        "versioning": (
            found(s3.get_bucket_versioning, "Status"),
            lambda status: s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status}),
            "Enabled",
        ),
        "public access": (
            found(s3.get_public_access_block, "PublicAccessBlockConfiguration"),
            lambda value: s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=value),
            block,
        ),
        "encryption": (
            lambda: _without_extras(
                _look(s3.get_bucket_encryption, name, "ServerSideEncryptionConfiguration", "Rules")
            ),
            lambda rules: s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules}),
            encryption,
        ),
        "ownership": (
            found(s3.get_bucket_ownership_controls, "OwnershipControls", "Rules"),
            lambda rules: s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules}),
            ownership,
        ),
        "lifecycle": (
            lambda: _rules(_look(s3.get_bucket_lifecycle_configuration, name, "Rules")),
            lambda rules: s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules}),
            _LIFECYCLE,
        ),
        "policy": (
            lambda: json.loads(_look(s3.get_bucket_policy, name, "Policy") or "null"),
            lambda document: s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document)),
            _tls_only(name),
        ),
        "tags": (
            lambda: sorted(_look(s3.get_bucket_tagging, name, "TagSet") or [], key=lambda tag: str(tag["Key"])),
            lambda value: s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": value}),
            tags,
        ),
    }


_LIFECYCLE = [
    {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_VERSIONS_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
]


def _tls_only(name: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{name}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _look(operation: Callable[..., Any], name: str, *path: str) -> Any:
    """One part as it is; None where it was never set."""
    from botocore.exceptions import ClientError

    try:
        found = operation(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    for key in path:
        found = (found or {}).get(key)
    return found


def _without_extras(rules: Any) -> Any:
    keys = ("ApplyServerSideEncryptionByDefault", "BucketKeyEnabled")
    return [{key: rule.get(key) for key in keys} for rule in rules or []]


def _rules(rules: Any) -> Any:
    return [{key: rule.get(key) for key in _LIFECYCLE[0]} for rule in rules or []]

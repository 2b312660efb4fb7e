"""Controls of S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.policy.control import Control, Declared, Judgement, Resource, principals, statements, texts

BUCKET, _PART = "aws:s3/bucket:Bucket", "aws:s3/bucket"
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_FOREIGN = ("s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:PutObjectAcl", "s3:*", "*")


def _parts(declared: Declared, bucket: Resource, kind: str) -> list[Resource]:
    """The resources that belong to a bucket, of a type such as ``Policy``."""
    return declared.parts(bucket, f"{_PART}{kind}:Bucket{kind}", "bucket")


def _statements(declared: Declared, bucket: Resource) -> list[Mapping[str, Any]]:
    return [each for part in _parts(declared, bucket, "Policy") for each in statements(part.inputs["policy"])]


def _blocked(declared: Declared) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        blocks = _parts(declared, bucket, "PublicAccessBlock")
        whole = bool(blocks) and all(blocks[0].inputs.get(name) is True for name in _BLOCKS)
        yield bucket.name, "" if whole else "does not block public access"


def _public(declared: Declared, *actions: str) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        open_to_all = [
            action
            for each in _statements(declared, bucket)
            if each["Effect"] == "Allow" and "*" in principals(each) and not each.get("Condition")
            for action in texts(each.get("Action"))
            if action in ("*", "s3:*") or action.startswith(actions)
        ]
        acl = str(bucket.inputs.get("acl", "private")).startswith("public")
        yield bucket.name, f"allows everybody {', '.join(open_to_all) or 'its ACL'}" if open_to_all or acl else ""


def _tls_only(declared: Declared) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        denies = [
            each
            for each in _statements(declared, bucket)
            if each["Effect"] == "Deny"
            and each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
            and set(texts(each["Action"])) & {"s3:*", "*"}
        ]
        yield bucket.name, "" if denies else "answers without TLS"


def _foreign(declared: Declared) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        found = [
            action
            for each in _statements(declared, bucket)
            if each["Effect"] == "Allow" and any(name.startswith(("arn:", "*")) for name in principals(each))
            for action in texts(each.get("Action"))
            if action in _FOREIGN
        ]
        yield bucket.name, f"lets others {', '.join(found)}" if found else ""


def _has(kind: str, wrong: str) -> Any:
    def judge(declared: Declared) -> Iterator[Judgement]:
        for bucket in declared.of(BUCKET):
            yield bucket.name, "" if _parts(declared, bucket, kind) else wrong

    return judge


def _versioned_expire(declared: Declared) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        versions = _parts(declared, bucket, "Versioning")
        on = bool(versions) and versions[0].inputs["versioningConfiguration"]["status"] == "Enabled"
        rules = [rule for part in _parts(declared, bucket, "LifecycleConfiguration") for rule in part.inputs["rules"]]
        old = any("noncurrentVersionExpiration" in rule for rule in rules)
        yield bucket.name, "keeps old versions for ever" if on and not old else ""


def _no_acls(declared: Declared) -> Iterator[Judgement]:
    for bucket in declared.of(BUCKET):
        owned = [part.inputs["rule"]["objectOwnership"] for part in _parts(declared, bucket, "OwnershipControls")]
        yield bucket.name, "" if owned == ["BucketOwnerEnforced"] else "lets access control lists decide"


CONTROLS = (
    Control("S3.1", "Public access is blocked.", "Add a BucketPublicAccessBlock.", _blocked),
    Control(
        "S3.2",
        "Nobody unknown can read.",
        "Name the principal.",
        lambda declared: _public(declared, "s3:Get", "s3:List"),
    ),
    Control(
        "S3.3",
        "Nobody unknown can write.",
        "Name the principal.",
        lambda declared: _public(declared, "s3:Put", "s3:Delete"),
    ),
    Control("S3.5", "Buckets answer over TLS only.", "Deny aws:SecureTransport false.", _tls_only),
    Control("S3.6", "Other accounts can't change a bucket's permissions.", "Take the actions out.", _foreign),
    Control("S3.8", "Each bucket blocks public access itself.", "Add a BucketPublicAccessBlock.", _blocked),
    Control("S3.9", "Requests to buckets are logged.", "Add a BucketLogging.", _has("Logging", "logs no requests")),
    Control("S3.10", "Old versions expire.", "Expire noncurrent versions.", _versioned_expire),
    Control(
        "S3.11",
        "Changes of objects are told.",
        "Add a BucketNotification.",
        _has("Notification", "tells nobody of changes"),
    ),
    Control("S3.12", "Policies decide, not access control lists.", "Set BucketOwnerEnforced.", _no_acls),
    Control(
        "S3.13",
        "Buckets have lifecycle rules.",
        "Add a BucketLifecycleConfiguration.",
        _has("LifecycleConfiguration", "has no lifecycle rules"),
    ),
)

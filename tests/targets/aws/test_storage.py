"""Buckets: nobody outside, TLS only, what is kept and for how long, and who may write logs."""

from typing import Any

import pytest

from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.stores import BASE, KEYS, OWN, PULL_REQUEST, STACKS, named, statements, stores
from tests.support.engine import Registered

BUCKETS = [
    *((stack, bucket) for stack in OWN for bucket in ("files", "logs")),
    (BASE, "logs"),
    (PULL_REQUEST, "files"),
]


def part(stack: str, bucket: str, kind: str) -> dict[str, Any]:
    """A setting of a bucket without the bucket's name."""
    found = dict(named(stores(stack), kind)[bucket].inputs)
    assert named(stores(stack), "Bucket")[bucket].urn in named(stores(stack), kind)[bucket].sources["bucket"]
    del found["bucket"]
    return found


def arn(stack: str, bucket: str) -> str:
    found = next(each for each in policy(stack, bucket).values() if each["Effect"] == "Deny")
    return str(found["Resource"][0])


def policy(stack: str, bucket: str) -> dict[str, Any]:
    return dict(statements(named(stores(stack), "BucketPolicy")[bucket].inputs["policy"]))


def test_each_stack_has_these_buckets() -> None:
    assert [(stack, name) for stack in STACKS for name in sorted(named(stores(stack), "Bucket"))] == BUCKETS


@pytest.mark.parametrize(("stack", "bucket"), BUCKETS)
def test_a_bucket_goes_with_its_content_but_in_production(stack: str, bucket: str) -> None:
    found = named(stores(stack), "Bucket")[bucket]
    assert found.inputs["forceDestroy"] is (stack != "production")
    assert found.options.protect is (stack == "production")


@pytest.mark.parametrize(("stack", "bucket"), BUCKETS)
def test_nothing_is_public_and_rights_are_in_the_policy_alone(stack: str, bucket: str) -> None:
    assert part(stack, bucket, "BucketPublicAccessBlock") == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert part(stack, bucket, "BucketOwnershipControls") == {"rule": {"objectOwnership": "BucketOwnerEnforced"}}


@pytest.mark.parametrize(("stack", "bucket"), BUCKETS)
def test_only_modern_tls_comes_in(stack: str, bucket: str) -> None:
    everything = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn(stack, bucket), f"{arn(stack, bucket)}/*"],
    }
    found = policy(stack, bucket)
    assert found["OnlyTls"] == {
        "Sid": "OnlyTls",
        **everything,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert found["OnlyModernTls"] == {
        "Sid": "OnlyModernTls",
        **everything,
        "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    }
    assert f"-{stack}-{bucket}-" in arn(stack, bucket)
    assert set(found) == {"OnlyTls", "OnlyModernTls", *(("LoadBalancer", "Buckets") if bucket == "logs" else ())}


@pytest.mark.parametrize("stack", [*OWN, BASE])
def test_logs_are_written_by_two_services_for_this_account_each_to_its_own_place(stack: str) -> None:
    found, where = policy(stack, "logs"), arn(stack, "logs")
    assert found["LoadBalancer"] == {
        "Sid": "LoadBalancer",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{where}/load-balancer/AWSLogs/{ACCOUNT}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/*"}},
    }
    assert found["Buckets"] == {
        "Sid": "Buckets",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{where}/s3/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


@pytest.mark.parametrize(("stack", "bucket"), BUCKETS)
def test_files_have_the_stacks_key_and_logs_the_one_that_the_load_balancer_can_use(stack: str, bucket: str) -> None:
    [rule] = part(stack, bucket, "BucketServerSideEncryptionConfiguration")["rules"]
    key = KEYS.data_key_arn if stack == PULL_REQUEST else stores(stack).outputs["data_key_arn"]
    if bucket == "logs":
        assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "bucketKeyEnabled": False}
    else:
        assert rule == {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key},
            "bucketKeyEnabled": True,
        }


@pytest.mark.parametrize(
    ("stack", "bucket", "versions", "old_days", "days"),
    [
        ("production", "files", True, 30, None),
        ("staging", "files", True, 30, None),
        (PULL_REQUEST, "files", False, None, None),
        ("production", "logs", True, 1, 30),
        ("staging", "logs", True, 1, 30),
        (BASE, "logs", True, 1, 7),
    ],
)
def test_how_long_things_are_kept(
    stack: str, bucket: str, versions: bool, old_days: int | None, days: int | None
) -> None:
    versioned = named(stores(stack), "BucketVersioning").get(bucket)
    assert (versioned is not None) is versions
    if versioned is not None:
        assert versioned.inputs["versioningConfiguration"] == {"status": "Enabled"}
    clean_up = {
        "id": "clean-up",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        "expiration": {"expiredObjectDeleteMarker": True},
        **({"noncurrentVersionExpiration": {"noncurrentDays": old_days}} if old_days else {}),
    }
    expire = {"id": "expire", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": days}}
    assert without_nothing(part(stack, bucket, "BucketLifecycleConfiguration")["rules"]) == [
        clean_up,
        *([expire] if days else []),
    ]


def without_nothing(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in rule.items() if value is not None} for rule in rules]


@pytest.mark.parametrize("stack", OWN)
def test_each_access_to_files_is_noted_where_writing_is_allowed(stack: str) -> None:
    recording = stores(stack)
    logging = named(recording, "BucketLogging")
    assert set(logging) == {"files"}
    assert logging["files"].inputs["targetPrefix"] == "s3/files/"
    assert f"-{stack}-logs-" in logging["files"].inputs["targetBucket"]
    assert named(recording, "BucketPolicy")["logs"].urn in recording.needs(logging["files"].urn)


@pytest.mark.parametrize(("stack", "bucket"), BUCKETS)
def test_changes_of_access_come_one_after_the_other(stack: str, bucket: str) -> None:
    kinds = {kind: named(stores(stack), kind)[bucket] for kind in ("BucketPolicy", "BucketPublicAccessBlock")}
    first: Registered = named(stores(stack), "BucketOwnershipControls")[bucket]
    assert {kinds["BucketPublicAccessBlock"].urn, first.urn} <= kinds["BucketPolicy"].dependencies


@pytest.mark.parametrize("stack", [*OWN, PULL_REQUEST])
def test_what_a_process_needs_to_use_the_files(stack: str) -> None:
    recording = stores(stack)
    key = recording.outputs["data_key_arn"]
    where = arn(stack, "files")
    assert recording.outputs["bucket_statements"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            "Resource": [f"{where}/*"],
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [where]},
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [key],
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}},
        },
    ]

"""What AWS' provider has as resources of their own and CloudFormation as properties of another: parts of buckets,
registries and roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A resource that CloudFormation has as properties of another one, which is what the input ``owner`` names."""

    owner: str
    properties: Callable[[Mapping[str, Any]], dict[str, Any]]


def _lifecycle(inputs: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in inputs["rules"]:
        out: dict[str, Any] = {"Id": rule["id"], "Status": rule["status"]}
        if "expiration" in rule:
            days, marker = rule["expiration"].get("days"), rule["expiration"].get("expiredObjectDeleteMarker")
            out |= {"ExpirationInDays": int(days)} if days else {"ExpiredObjectDeleteMarker": bool(marker)}
        if "noncurrentVersionExpiration" in rule:
            days = rule["noncurrentVersionExpiration"]["noncurrentDays"]
            out["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
        if "abortIncompleteMultipartUpload" in rule:
            days = rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"]
            out["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
        rules.append(out)
    return {"LifecycleConfiguration": {"Rules": rules}}


def _encryption(inputs: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in inputs["rules"]:
        by = rule["applyServerSideEncryptionByDefault"]
        default = {"SSEAlgorithm": by["sseAlgorithm"]}
        default |= {"KMSMasterKeyID": by["kmsMasterKeyId"]} if "kmsMasterKeyId" in by else {}
        rules.append(
            {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": rule.get("bucketKeyEnabled", False)}
        )
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": rules}}


def _public_access(inputs: Mapping[str, Any]) -> dict[str, Any]:
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return {"PublicAccessBlockConfiguration": {name[0].upper() + name[1:]: inputs.get(name, False) for name in names}}


def _logging(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "LoggingConfiguration": {
            "DestinationBucketName": inputs["targetBucket"],
            "LogFilePrefix": inputs["targetPrefix"],
        }
    }


_S3 = "aws:s3/bucket"
ATTACHED: Mapping[str, Part] = {
    f"{_S3}Versioning:BucketVersioning": Part(
        "bucket",
        lambda inputs: {"VersioningConfiguration": {"Status": inputs["versioningConfiguration"]["status"]}},
    ),
    f"{_S3}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Part("bucket", _encryption),
    f"{_S3}PublicAccessBlock:BucketPublicAccessBlock": Part("bucket", _public_access),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": Part("bucket", _lifecycle),
    f"{_S3}Logging:BucketLogging": Part("bucket", _logging),
    f"{_S3}OwnershipControls:BucketOwnershipControls": Part(
        "bucket",
        lambda inputs: {
            "OwnershipControls": {"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]},
        },
    ),
    f"{_S3}Notification:BucketNotification": Part(
        "bucket",
        lambda inputs: {
            "NotificationConfiguration": {
                "EventBridgeConfiguration": {"EventBridgeEnabled": inputs.get("eventbridge", False)}
            }
        },
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Part(
        "repository", lambda inputs: {"LifecyclePolicy": {"LifecyclePolicyText": inputs["policy"]}}
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Part(
        "role", lambda inputs: {"ManagedPolicyArns": [inputs["policyArn"]]}
    ),
}

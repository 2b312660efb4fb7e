"""What `pulumi destroy` leaves for a person to decide in a staging: what buckets, the registry and the vault hold, and
the last snapshot with its key. The story is that person."""

import contextlib
from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.ops.aws.place import Place, made
from tests.live_aws.left import left

_NO_VAULT = ("ResourceNotFoundException", "AccessDeniedException")
"""AWS Backup answers the second for a vault that isn't there."""


def empty(place: Place) -> None:
    """Remove what is in the stack's buckets, registry and backup vault, so that they can be deleted."""
    found = made(place, "s3", "ecr:repository", "backup:backup-vault")
    for bucket in found["s3"]:
        with _if_there():
            _empty_bucket(place, bucket.arn.rpartition(":")[2])
    for repository in found["ecr:repository"]:
        with _if_there():
            _empty_repository(place, repository.arn.partition("repository/")[2])
    for vault in found["backup:backup-vault"]:
        with _if_there():
            _empty_vault(place, vault.arn.rpartition(":")[2])


@contextlib.contextmanager
def _if_there() -> Iterator[None]:
    """AWS' index of tags lists what is gone for a while."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchBucket", "RepositoryNotFoundException", *_NO_VAULT):
            raise


def _empty_bucket(place: Place, bucket: str) -> None:
    s3 = place.service("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
        if objects:
            refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
            assert not refused, refused


def _empty_repository(place: Place, name: str) -> None:
    ecr = place.service("ecr")
    for page in ecr.get_paginator("list_images").paginate(repositoryName=name):
        if page["imageIds"]:
            ecr.batch_delete_image(repositoryName=name, imageIds=page["imageIds"])


def _empty_vault(place: Place, name: str) -> None:
    backup = place.service("backup")
    points = backup.list_recovery_points_by_backup_vault(BackupVaultName=name)["RecoveryPoints"]
    for point in points:
        backup.delete_recovery_point(BackupVaultName=name, RecoveryPointArn=point["RecoveryPointArn"])


def remove_kept(place: Place) -> None:
    """Remove what stayed on purpose: the last snapshot, the database's log, the key of both."""
    rds, kms = place.service("rds"), place.service("kms")
    for arn in left(place).explained:
        if f":{place.region}:" not in arn:
            continue
        kind = arn.split(":")[5]
        if arn.split(":")[2] == "rds" and kind == "snapshot":
            rds.delete_db_snapshot(DBSnapshotIdentifier=arn.rpartition(":")[2])
        elif arn.split(":")[2] == "rds" and kind == "auto-backup":
            rds.delete_db_instance_automated_backup(DBInstanceAutomatedBackupsArn=arn)
        elif ":kms:" in arn and kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled":
            kms.schedule_key_deletion(KeyId=arn.rpartition("/")[2], PendingWindowInDays=7)

"""What `pulumi destroy` leaves for a person to decide in a staging: the last snapshot with its key. The story is that
person."""

from infra.ops.aws.place import Place
from tests.live_aws.left import left


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

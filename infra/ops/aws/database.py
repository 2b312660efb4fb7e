"""The database of a stack on AWS: its state, what it can be restored from, and a snapshot on demand."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from infra import backups
from infra.errors import UserError
from infra.ops.aws.place import Place, Tagged, ask, made, pages
from infra.ops.console import Console

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")
_POLL_SECONDS = 10.0
_SNAPSHOT_SECONDS = 2 * 3600.0


@dataclass(frozen=True)
class DatabaseStatus:
    """``state``: RDS' word, `available` when all is well. ``restorable``: from and until when RDS can go back to any
    second, empty without backups. ``recovery_point``: when AWS Backup made its newest, empty for none yet."""

    instance: str
    state: str
    restorable: tuple[str, str]
    recovery_point: str


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the instance. ``kind``: manual, automated or awsbackup. ``size`` in GB."""

    name: str
    kind: str
    state: str
    at: str
    size: int


@dataclass(frozen=True)
class Catalogue:
    """What there is to restore from."""

    instance: str
    restorable: tuple[str, str]
    snapshots: tuple[Snapshot, ...]

    def document(self) -> dict[str, Any]:
        """The catalogue for programs."""
        return asdict(self)


def status(place: Place, instances: Sequence[Tagged]) -> DatabaseStatus | None:
    """The state of the stack's own instance; None for a stack on a base, whose database is in the base's."""
    if not instances:
        return None
    found = _described(place, instances[0])
    points = ask(
        "The backups",
        place.service("backup").list_recovery_points_by_resource,
        ResourceArn=instances[0].arn,
    )["RecoveryPoints"]
    done = [item["CreationDate"] for item in points if item["Status"] == "COMPLETED"]
    return DatabaseStatus(
        instance=str(found["DBInstanceIdentifier"]),
        state=str(found["DBInstanceStatus"]),
        restorable=_restorable(place, found),
        recovery_point=_text(max(done)) if done else "",
    )


def catalogue(place: Place) -> Catalogue:
    """What the stack's database can be restored from."""
    found = _described(place, instance_of(place))
    name = str(found["DBInstanceIdentifier"])
    items = pages(
        "The snapshots", place.service("rds").describe_db_snapshots, "DBSnapshots", token="Marker",
        DBInstanceIdentifier=name,
    )  # fmt: skip
    return Catalogue(name, _restorable(place, found), tuple(_snapshots(items)))


def instance_of(place: Place) -> Tagged:
    """The stack's own instance. Raises :class:`UserError` for a stack that has none."""
    instances = made(place, "rds:db")["rds:db"]
    if instances:
        return instances[0]
    where = f"is in the server of {place.base}, which keeps no backups" if place.base else "isn't there yet"
    raise UserError(f"Stack {place.stack} has no database server of its own: its database {where}.")


def take_snapshot(place: Place, console: Console) -> Snapshot:
    """Take a snapshot now, and wait until it can be restored. Raises :class:`UserError` where it fails."""
    instance, rds = instance_of(place), place.service("rds")
    name = instance.arn.rpartition(":")[2]
    id = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    tags = [{"Key": "Project", "Value": place.product}, {"Key": "Stack", "Value": place.stack}]
    ask("The snapshot", rds.create_db_snapshot, DBSnapshotIdentifier=id, DBInstanceIdentifier=name, Tags=tags)
    console.say(f"Taking snapshot {id}; this takes minutes, and goes on if you stop waiting.")
    deadline = time.monotonic() + _SNAPSHOT_SECONDS
    while True:
        items = ask("The snapshot", rds.describe_db_snapshots, DBSnapshotIdentifier=id)["DBSnapshots"]
        if items[0]["Status"] == "available":
            return _snapshots(items)[0]
        if items[0]["Status"] == "failed" or time.monotonic() > deadline:
            raise UserError(f"Snapshot {id} is {items[0]['Status']}. RDS' events say why: `aws rds describe-events`.")
        time.sleep(_POLL_SECONDS)


def checked(name: str) -> str:
    """The name of a restored database, if it can be one."""
    if _NAME.fullmatch(name) and "--" not in name:
        return name
    raise UserError(
        f"{name!r} can't be the name of a restored database: it takes 1 to 20 lower-case letters, digits and hyphens, "
        "begins with a letter and does not end with a hyphen."
    )


def restore_command(place: Place, to: str, into: str) -> list[str]:
    """The AWS CLI's command that makes another instance as the database was at a moment (`latest`: as late as can be),
    with what RDS would otherwise reset: its groups, its size, its protection.

    Raises :class:`UserError` for a moment that can't be restored.
    """
    latest = to.strip().lower() == backups.LATEST
    moment = None if latest else backups.parse_moment(to, datetime.now(UTC))
    found = _described(place, instance_of(place))
    first, last = _restorable(place, found)
    name = str(found["DBInstanceIdentifier"])
    if not first:
        raise UserError(f"The database {name} keeps no log to go back in: its environment has backups.pitr off.")
    if moment is not None and not datetime.fromisoformat(first) <= moment <= datetime.fromisoformat(last):
        raise UserError(
            f"{moment.astimezone(UTC).isoformat()} can't be restored. Can be: any second from {first} to {last}."
        )
    groups = [group["VpcSecurityGroupId"] for group in found["VpcSecurityGroups"]]
    return [
        *("aws", "rds", "restore-db-instance-to-point-in-time", "--region", place.region),
        *("--source-db-instance-identifier", name, "--target-db-instance-identifier", f"{place.prefix}{into}"),
        *(["--use-latest-restorable-time"] if moment is None else ["--restore-time", _text(moment)]),
        *("--db-instance-class", found["DBInstanceClass"], "--port", str(found["Endpoint"]["Port"])),
        *("--db-subnet-group-name", found["DBSubnetGroup"]["DBSubnetGroupName"]),
        *("--vpc-security-group-ids", *groups),
        *("--db-parameter-group-name", found["DBParameterGroups"][0]["DBParameterGroupName"]),
        *_kept(found),
        *("--tags", f"Key=Project,Value={place.product}", f"Key=RestoredFrom,Value={place.stack}"),
    ]


def _kept(found: dict[str, Any]) -> Iterator[str]:
    """What RDS doesn't take over from the source unless it is told to."""
    yield "--multi-az" if found.get("MultiAZ") else "--no-multi-az"
    yield from ("--no-publicly-accessible", "--copy-tags-to-snapshot", "--auto-minor-version-upgrade")
    yield "--deletion-protection" if found.get("DeletionProtection") else "--no-deletion-protection"
    yield from ("--backup-retention-period", str(found["BackupRetentionPeriod"]))
    if secret := found.get("MasterUserSecret"):
        yield from ("--manage-master-user-password", "--master-user-secret-kms-key-id", secret["KmsKeyId"])
    if found.get("IAMDatabaseAuthenticationEnabled"):
        yield "--enable-iam-database-authentication"
    if exports := found.get("EnabledCloudwatchLogsExports"):
        yield from ("--enable-cloudwatch-logs-exports", *exports)
    if authority := found.get("CACertificateIdentifier"):
        yield from ("--ca-certificate-identifier", authority)
    if most := found.get("MaxAllocatedStorage"):
        yield from ("--max-allocated-storage", str(most))


def _described(place: Place, instance: Tagged) -> dict[str, Any]:
    name = instance.arn.rpartition(":")[2]
    answer = ask("The database", place.service("rds").describe_db_instances, DBInstanceIdentifier=name)
    found: dict[str, Any] = answer["DBInstances"][0]
    return found


def _restorable(place: Place, found: dict[str, Any]) -> tuple[str, str]:
    """From and until when; RDS tells the beginning with the automated backups."""
    last = found.get("LatestRestorableTime")
    if not found.get("BackupRetentionPeriod") or not last:
        return "", ""
    answer = ask(
        "The database's log",
        place.service("rds").describe_db_instance_automated_backups,
        DBInstanceIdentifier=found["DBInstanceIdentifier"],
    )["DBInstanceAutomatedBackups"]
    window: dict[str, datetime] = next((item["RestoreWindow"] for item in answer if item.get("RestoreWindow")), {})
    return _text(window.get("EarliestTime", found["InstanceCreateTime"])), _text(last)


def _snapshots(items: Sequence[dict[str, Any]]) -> list[Snapshot]:
    found = [
        Snapshot(
            name=str(item["DBSnapshotIdentifier"]),
            kind=str(item["SnapshotType"]),
            state=str(item["Status"]),
            at=_text(item["SnapshotCreateTime"]) if item.get("SnapshotCreateTime") else "",
            size=int(item.get("AllocatedStorage", 0)),
        )
        for item in items
    ]
    return sorted(found, key=lambda item: item.at, reverse=True)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

"""Backups and restores of a stack on AWS, on moto's RDS."""

import shlex
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from infra.ops.aws import database
from tests.ops.aws.conftest import ACCOUNT, CONFIGURATION, DATABASE, Account, document
from tests.targets.aws.test_documented_commands import problems

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, LAST = NOW - timedelta(days=30), NOW - timedelta(minutes=5)


@pytest.fixture(autouse=True)
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto tells no times that can be restored."""
    monkeypatch.setattr(database, "_restorable", lambda place, found: (database._text(FIRST), database._text(LAST)))


def test_a_backup_is_a_snapshot_with_the_stacks_tags(account: Account) -> None:
    shown = account.run("backup")
    assert shown.exit_code == 0, shown.output
    [taken] = account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    name = taken["DBSnapshotIdentifier"]
    assert taken["DBInstanceIdentifier"] == DATABASE
    assert name.startswith(f"{DATABASE}-2")
    assert {tag["Key"]: tag["Value"] for tag in taken["TagList"]} == {"Project": "pitchbar", "Stack": "staging"}
    lines = shown.stdout.splitlines()
    assert lines[0] == f"Taking snapshot {name}; this takes minutes, and goes on if you stop waiting."
    assert lines[1] == f"Snapshot {name} of stack staging is taken (50 GB)."
    assert lines[3] == f"  aws rds delete-db-snapshot --region us-east-1 --db-snapshot-identifier {name}"


def test_backups_tell_the_window_and_the_snapshots(account: Account) -> None:
    account.client("rds").create_db_snapshot(DBSnapshotIdentifier="before-import", DBInstanceIdentifier=DATABASE)
    shown = account.run("backups").stdout.splitlines()
    assert shown[0] == f"Can be restored: any second from {database._text(FIRST)} to {database._text(LAST)}."
    assert ["before-import", "manual", "available"] in [line.split()[:3] for line in shown[2:]]
    found = document(account.run("backups", "--json"))
    assert (found["stack"], found["instance"]) == ("staging", DATABASE)
    assert [item["name"] for item in found["snapshots"]].count("before-import") == 1


def test_a_restore_says_that_it_restored_nothing_and_what_to_type(account: Account) -> None:
    moment = NOW - timedelta(hours=1)
    shown = account.run("restore", "--to", moment.isoformat(), "--into", "before", "--json")
    assert shown.exit_code == 1
    found = document(shown)
    assert found["restored"] is False
    command = found["command"]
    assert command[:3] == ["aws", "rds", "restore-db-instance-to-point-in-time"]
    options = dict(pairwise(command))
    assert options["--source-db-instance-identifier"] == DATABASE
    assert options["--target-db-instance-identifier"] == "pitchbar-staging-before"
    assert options["--restore-time"] == database._text(moment)
    assert options["--db-instance-class"] == "db.t4g.medium"
    assert {"--deletion-protection", "--multi-az", "--no-publicly-accessible"} <= set(command)
    assert "Key=RestoredFrom,Value=staging" in command
    assert list(problems(command)) == []
    people = account.run("restore", "--to", moment.isoformat(), "--into", "before").stdout
    assert shlex.join(command) in people
    assert people.startswith("Nothing is restored yet.")


def test_the_latest_moment_needs_no_time(account: Account) -> None:
    command = document(account.run("restore", "--to", "latest", "--into", "newest", "--json"))["command"]
    assert "--use-latest-restorable-time" in command
    assert "--restore-time" not in command


def test_a_moment_that_is_gone_is_refused_with_those_that_are_not(account: Account) -> None:
    shown = account.run("restore", "--to", (NOW - timedelta(days=40)).isoformat(), "--into", "old")
    assert shown.exit_code == 1
    assert "can't be restored. Can be: any second from " in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize("name", ["Before", "b" * 41, "-x", "x-", "x--y"])
def test_a_name_that_rds_would_refuse_is_refused(account: Account, name: str) -> None:
    shown = account.run("restore", "--to", "latest", f"--into={name}")
    assert shown.stderr == (
        f"error: {name!r} can't be the name of a restored database: it takes 1 to 20 lower-case letters, digits and "
        "hyphens, begins with a letter and does not end with a hyphen.\n"
    )


def test_dropping_is_told_in_awss_words(account: Account) -> None:
    shown = account.run("restore", "--drop", "before", "--yes")
    assert shown.exit_code == 1
    assert "aws rds delete-db-instance --region us-east-1 --db-instance-identifier pitchbar-staging-before" in (
        shown.stdout
    )


@pytest.mark.parametrize("command", ["backup", "backups"])
def test_a_stack_on_a_base_has_no_backups(account: Account, command: str) -> None:
    own = CONFIGURATION.replace("staging\n", "preview\n") + "  pitchbar:base: preview-base\n"
    (account.root / "Pulumi.pr-12.yaml").write_text(own)
    assert account.run(command, stack="pr-12").stderr == (
        "error: Stack pr-12 has no database server of its own: its database is in the server of preview-base, which "
        "keeps no backups.\n"
    )


def test_the_account_is_checked_first(account: Account) -> None:
    (account.root / "Pulumi.staging.yaml").write_text(CONFIGURATION.replace(ACCOUNT, "999999999999"))
    assert account.run("backup").stderr.startswith("error: These credentials are of account ")
    assert account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []

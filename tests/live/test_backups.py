"""Backups and restores of one environment on this machine, through the commands a user types.

The chapters share the environment: run the file whole.
"""

import os
import re
import shutil
import signal
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.backups import (
    administer,
    age,
    catalogue,
    eventually,
    kill,
    local,
    pause,
    restore,
    rows,
    shell,
    sql,
    supervisorctl,
    usable,
)
from tests.support.stack import Stack, World, listens

NAME = "kept"


@pytest.fixture
def stack(world: World) -> Stack:
    return world.stack(NAME)


@pytest.fixture(scope="module")
def moments() -> dict[str, datetime]:
    """Moments that later chapters go back to."""
    return {}


def test_the_first_base_backup_comes_by_itself(stack: Stack) -> None:
    up = stack.pitchbar("up", "--yes", "--environment", "local").must_succeed()
    assert not {"daily-backups", "point-in-time-recovery"} & set(stack.outputs()["lacking"])
    eventually(lambda: usable(stack), f"a verified base backup\n{up.output}")
    [backup] = catalogue(stack)["backups"]
    assert backup["verified"] is True
    status = stack.status()
    assert status["healthy"]
    assert status["backups"]["last"] == backup["id"]
    assert status["backups"]["verified"] is True
    eventually(lambda: stack.status()["backups"]["wal_lag_bytes"] == 0, "the receiver tells every second")
    assert f"Last base backup: {backup['id']}" in stack.pitchbar("status").must_succeed().output


def test_an_unchanged_environment_stays_unchanged(stack: Stack) -> None:
    before = {p["name"]: p["pid"] for p in stack.status()["processes"]}
    assert "23 unchanged" in stack.pulumi("refresh", "--yes", "--skip-preview").must_succeed().output
    stack.pulumi("preview", "--expect-no-changes").must_succeed()
    assert {p["name"]: p["pid"] for p in stack.status()["processes"]} == before


def test_rows_up_to_the_moment_are_there_and_later_ones_not(stack: Stack, moments: dict[str, datetime]) -> None:
    sql(stack, "CREATE TABLE rows (what text)")
    sql(stack, "INSERT INTO rows VALUES ('before')")
    moments["between"] = pause()
    sql(stack, "INSERT INTO rows VALUES ('after')")
    report = restore(stack, moments["between"].isoformat(), "first")
    assert rows(stack, "first") == ["before"]
    assert rows(stack) == ["after", "before"]
    assert datetime.fromisoformat(report["last_transaction"]) <= moments["between"]
    assert report["seconds"] > 0


def test_a_base_backup_taken_later_is_not_chosen(stack: Stack, moments: dict[str, datetime]) -> None:
    earlier = catalogue(stack)["backups"][0]["id"]
    said = stack.pitchbar("backup").must_succeed().output
    later = catalogue(stack)["backups"][0]["id"]
    assert earlier < later
    assert f"Base backup {later} of stack {NAME} is taken and verified" in said
    moments["later"] = pause()
    sql(stack, "INSERT INTO rows VALUES ('latest')")

    assert restore(stack, moments["between"].isoformat(), "second")["backup"] == earlier
    assert rows(stack, "second") == ["before"]
    assert restore(stack, moments["later"].isoformat(), "third")["backup"] == later
    assert rows(stack, "third") == ["after", "before"]


def test_a_moment_where_nothing_happened_since_is_restored(stack: Stack) -> None:
    quiet = pause()
    report = restore(stack, quiet.replace(microsecond=0).isoformat(), "quiet")
    assert rows(stack, "quiet") == ["after", "before", "latest"]
    assert report["moment"] == quiet.replace(microsecond=0).isoformat()
    restore(stack, "latest", "last")
    assert rows(stack, "last") == rows(stack)


def test_a_moment_outside_the_window_is_refused_naming_it(stack: Stack) -> None:
    [window] = catalogue(stack)["windows"]
    start = local(datetime.fromisoformat(window["start"]))
    early = stack.pitchbar("restore", "--to", "2020-02-29T12:00:00+00:00", "--into", "early")
    assert early.code == 1
    asked = local(datetime(2020, 2, 29, 12, tzinfo=UTC))
    pattern = re.escape(f"error: {asked} is outside of what can be restored: from {start} to ")
    assert re.search(pattern + r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d\.", early.output), early.output
    tomorrow = (datetime.now() + timedelta(days=1)).isoformat()
    assert "is outside of what can be restored" in stack.pitchbar("restore", "--to", tomorrow, "--into", "x").output
    just_before = (datetime.fromisoformat(window["start"]) - timedelta(milliseconds=1)).isoformat()
    assert "outside" in stack.pitchbar("restore", "--to", just_before, "--into", "x").output
    assert "is not a time" in stack.pitchbar("restore", "--to", "yesterday", "--into", "x").output
    assert not (stack.directory / "restores" / "x").exists()


def test_a_name_is_taken_once_and_can_be_dropped(stack: Stack) -> None:
    again = stack.pitchbar("restore", "--to", "latest", "--into", "third")
    assert again.code == 1
    assert "has a restored database 'third' already" in again.output
    assert f"restore --drop third -s {NAME}" in again.output
    [port] = [r["port"] for r in catalogue(stack)["restores"] if r["name"] == "third"]
    assert listens(port)
    stack.pitchbar("restore", "--drop", "third", "--yes").must_succeed()
    assert not listens(port)
    assert not (stack.directory / "restores" / "third").exists()
    assert "restore-third-0" not in {p["name"] for p in stack.status()["processes"]}
    gone = stack.pitchbar("restore", "--drop", "third", "--yes")
    assert "has no restored database 'third'; there is: first, last, quiet, second." in gone.output
    assert "can't be the name" in stack.pitchbar("restore", "--to", "latest", "--into", "../x").output


def test_the_printed_commands_look_at_it_and_copy_a_table_back(stack: Stack) -> None:
    said = stack.pitchbar("restore", "--to", "latest", "--into", "fourth").must_succeed().output
    assert stack.outputs()["admin_password"] not in said
    commands = dict(re.findall(r"^  (look at it|copy a table)  +(.+)$", said, re.MULTILINE))
    assert shell(f"{commands['look at it']} -At -c 'SELECT count(*) FROM rows'") == "3"
    sql(stack, "DELETE FROM rows")
    shell(commands["copy a table"].replace("TABLE", "rows"))
    assert rows(stack) == ["after", "before", "latest"]
    stack.pitchbar("restore", "--drop", "fourth", "--yes").must_succeed()


@pytest.mark.parametrize("program", ["pg_receivewal", "receive-wal", "backup_agent.py"])
def test_what_is_killed_comes_back(world: World, stack: Stack, program: str) -> None:
    killed = kill(world, program)
    assert killed, program
    sql(stack, f"INSERT INTO rows VALUES ('after {program} was killed')")
    eventually(lambda: stack.status()["backups"]["wal_lag_bytes"] == 0 and stack.status()["healthy"], "all is well")
    now_there = kill(world, program, send=None)
    assert now_there and not set(now_there) & set(killed)
    restore(stack, "latest", "again")
    assert rows(stack, "again") == rows(stack)
    stack.pitchbar("restore", "--drop", "again", "--yes").must_succeed()


def test_a_killed_supervisor_is_healed_by_up_with_backups_and_restores(world: World, stack: Stack) -> None:
    before = [backup["id"] for backup in catalogue(stack)["backups"]]
    assert kill(world, "supervisord")
    stack.pitchbar("up", "--yes").must_succeed()
    eventually(lambda: stack.status()["backups"]["wal_lag_bytes"] == 0 and stack.status()["healthy"], "all is well")
    assert [backup["id"] for backup in catalogue(stack)["backups"]] == before
    eventually(lambda: rows(stack, "first") == ["before"], "the restored database serves again")
    assert len(kill(world, "pg_receivewal", send=None)) == 1


def test_made_anew_it_takes_over_what_is_there(stack: Stack) -> None:
    """As after a create that was interrupted before the engine wrote it down."""
    before = [backup["id"] for backup in catalogue(stack)["backups"]]
    resources = stack.state()["deployment"]["resources"]
    [urn] = [resource["urn"] for resource in resources if resource["type"] == "pitchbar:local:BackupServer"]
    stack.pulumi("state", "delete", "--yes", urn).must_succeed()
    stack.pitchbar("up", "--yes").must_succeed()
    eventually(lambda: stack.status()["backups"]["wal_lag_bytes"] == 0, "the log is received")
    assert [backup["id"] for backup in catalogue(stack)["backups"]] == before
    assert len(catalogue(stack)["windows"]) == 1
    assert administer(stack, "SELECT slot_name FROM pg_replication_slots") == "barman"


def test_lost_log_is_seen_and_a_new_base_backup_taken(stack: Stack, moments: dict[str, datetime]) -> None:
    """The slot gone, log is missing: what it can still restore stays, and what it can't is not promised."""
    supervisorctl(stack, "stop", "wal-receiver:*")
    administer(stack, "SELECT pg_drop_replication_slot('barman')")
    for _ in range(2):
        sql(stack, "INSERT INTO rows VALUES ('lost')")
        administer(stack, "SELECT pg_switch_wal()")
    administer(stack, "CHECKPOINT")
    lost = pause()
    assert catalogue(stack)["wal_lag_bytes"] is None
    assert "The log is not received" in stack.pitchbar("backups").must_succeed().output
    stack.pitchbar("up", "--yes").must_succeed()
    stack.pitchbar("backup").must_succeed()
    first, second = catalogue(stack)["windows"]
    restore(stack, first["end"], "until-then")
    assert "lost" not in rows(stack, "until-then")
    assert "after backup_agent.py was killed" in rows(stack, "until-then")
    assert datetime.fromisoformat(first["end"]) < lost < datetime.fromisoformat(second["start"])
    refused = stack.pitchbar("restore", "--to", lost.isoformat(), "--into", "lost")
    assert refused.code == 1
    assert ", and from " in refused.output
    restore(stack, moments["later"].isoformat(), "still")
    assert rows(stack, "still") == ["after", "before"]


def test_an_environment_without_backups_says_so(world: World) -> None:
    stack = world.stack("bare")
    stack.pitchbar("up", "--yes", "--environment", "preview").must_succeed()
    assert stack.status()["backups"] is None
    assert not (stack.directory / "backup").exists()
    for command in (["backup"], ["backups"], ["restore", "--to", "latest", "--into", "x"]):
        assert "Stack bare has no backups: its environment has them off." in stack.pitchbar(*command).output
    stack.pitchbar("down", "--yes").must_succeed()


def test_what_is_older_than_the_retention_is_dropped(stack: Stack) -> None:
    """Of three that are older than 30 days the newest stays: the moments right after it need it."""
    *_, third, second, first = [backup["id"] for backup in catalogue(stack)["backups"]]
    for id, days in ((first, 50), (second, 40), (third, 31)):
        age(stack, id, days)
    stack.pitchbar("backup").must_succeed()
    left = [backup["id"] for backup in catalogue(stack)["backups"]]
    assert third in left and first not in left and second not in left
    assert not (stack.directory / "backup" / "data" / "pitchbar" / "base" / first).exists()
    assert not (stack.directory / "backup" / "verified" / f"{first}.json").exists()


def test_a_destroyed_database_is_restored_to_its_last_transaction(world: World, stack: Stack) -> None:
    supervisorctl(stack, "stop", "backup-clock:*")
    expected, before = rows(stack), {backup["id"] for backup in catalogue(stack)["backups"]}
    postmaster = (stack.directory / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
    (stack.directory / "postgres").rename(stack.directory / "destroyed")
    os.kill(int(postmaster), signal.SIGKILL)
    shutil.rmtree(stack.directory / "destroyed")
    restore(stack, "latest", "saved")
    assert rows(stack, "saved") == expected
    assert "checks passed" in stack.pitchbar("up", "--yes").must_succeed().output, "the new database has its schema"
    stack.pulumi("preview", "--expect-no-changes").must_succeed()
    stack.pitchbar("backup").must_succeed()
    now_there = {backup["id"] for backup in catalogue(stack)["backups"]}
    assert now_there and not now_there & before, "the new database's own, apart from the destroyed one's"
    assert list((stack.directory / "backup").glob("earlier-*/pitchbar/meta/*"))
    assert rows(stack, "saved") == expected


def test_down_leaves_nothing(world: World, stack: Stack) -> None:
    ports = [restored["port"] for restored in catalogue(stack)["restores"]]
    assert ports
    stack.pitchbar("down", "--yes").must_succeed()
    assert not any(map(listens, ports))
    assert world.processes() == []
    assert list(world.data.iterdir()) == []


def test_turning_backups_off_drops_slot_role_and_files(world: World) -> None:
    """`down` removes the database with its slot; a database that stays must not keep log for nobody."""
    stack = world.stack("off")
    stack.pitchbar("up", "--yes", "--environment", "local").must_succeed()
    assert administer(stack, "SELECT slot_name FROM pg_replication_slots") == "barman"
    state = stack.state()
    [urn] = [r["urn"] for r in state["deployment"]["resources"] if r["type"] == "pitchbar:local:BackupServer"]
    stack.pulumi("destroy", "--yes", "--skip-preview", "--target", urn).must_succeed()
    assert administer(stack, "SELECT slot_name FROM pg_replication_slots") == ""
    assert administer(stack, "SELECT rolname FROM pg_roles WHERE rolname = 'barman'") == ""
    assert not (stack.directory / "backup").exists()
    assert not {"wal-receiver-0", "backup-clock-0"} & {p["name"] for p in stack.status()["processes"]}
    stack.pitchbar("down", "--yes").must_succeed()

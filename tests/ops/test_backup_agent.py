"""The backup agent's decisions, with a Barman that does what a test says."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.backups import windows
from infra.ops import backups
from infra.provider.local.backup_agent import Agent, Failed
from infra.provider.local.layout import Layout

ENDED = datetime(2026, 3, 1, 4, 0, 0, tzinfo=UTC)


class Rehearsed(Agent):
    """An agent whose Barman takes base backups of nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[str] = []
        self.broken: tuple[str, ...] = ()
        self.listed: list[dict[str, str]] = []
        (self.data / "meta").mkdir(parents=True)
        (self.data / "wals" / "0000000100000000").mkdir(parents=True)
        (self.data / "wals" / "0000000100000000" / "000000010000000000000002").touch()

    def add(self, id: str, status: str = "DONE", ended: datetime = ENDED) -> None:
        lines = [f"status={status}", f"end_time={ended}", "begin_wal=000000010000000000000002", "size=7"]
        (self.data / "meta" / f"{id}-backup.info").write_text("\n".join(lines))

    def _sql(self, *statements: str) -> None:
        pass

    def _barman(self, *arguments: str) -> str:
        self.asked.append(" ".join(arguments))
        if any(word in arguments for word in self.broken):
            raise Failed("pg_verifybackup: checksum mismatch for file PG_VERSION")
        if "backup" in arguments:
            self.add("20260301T040000")
        if "delete" in arguments:
            (self.data / "meta" / f"{arguments[-1]}-backup.info").unlink()
        return json.dumps({"pitchbar": self.listed}) if "list-backups" in arguments else ""


@pytest.fixture
def agent(tmp_path: Path) -> Rehearsed:
    return Rehearsed(tmp_path / "backup")


def test_a_base_backup_is_verified_and_what_the_retention_drops_goes_then(agent: Rehearsed) -> None:
    agent.add("20260101T040000")
    agent.listed = [{"backup_id": "20260101T040000", "status": "DONE", "retention_status": "OBSOLETE"}]
    result = agent.back_up()
    assert result["verified"] is True
    assert agent.asked.index("verify-backup pitchbar 20260301T040000") < agent.asked.index(
        "delete pitchbar 20260101T040000"
    )
    assert agent.last_end() == ENDED.timestamp()


def test_nothing_is_dropped_for_a_base_backup_that_is_not_verified(agent: Rehearsed, tmp_path: Path) -> None:
    agent.broken = ("verify-backup",)
    agent.listed = [{"backup_id": "20260101T040000", "status": "DONE", "retention_status": "OBSOLETE"}]
    result = agent.back_up()
    assert result["verified"] is False
    assert result["error"] == "pg_verifybackup: checksum mismatch for file PG_VERSION"
    assert not [line for line in agent.asked if line.startswith("delete")]
    assert agent.last_end() is None, "so another one is due at once"
    [seen] = backups.catalogue(Layout(tmp_path)).backups
    assert (seen.verified, seen.usable) == (False, False)


def test_what_an_interrupted_base_backup_left_is_dropped_first(agent: Rehearsed) -> None:
    agent.add("20260228T040000", "STARTED")
    agent.listed = [{"backup_id": "20260228T040000", "status": "STARTED", "retention_status": "-"}]
    agent.back_up()
    assert agent.asked.index("delete pitchbar 20260228T040000") < agent.asked.index(
        "backup --immediate-checkpoint pitchbar"
    )


def test_set_aside_log_goes_with_the_base_backups_that_need_it(agent: Rehearsed) -> None:
    aside = agent.folder / "interrupted"
    aside.mkdir()
    for name, age in (("old", timedelta(days=1)), ("needed", -timedelta(days=1))):
        (aside / name).touch()
        stamp = (ENDED - age).timestamp()
        os.utime(aside / name, (stamp, stamp))
    agent.back_up()
    assert [file.name for file in aside.iterdir()] == ["needed"]


def test_the_catalogue_tells_what_can_be_restored_without_a_server(agent: Rehearsed, tmp_path: Path) -> None:
    agent.back_up()
    found = backups.catalogue(Layout(tmp_path))
    assert found.lag is None
    [window] = windows(found.backups)
    assert (window.start, window.end) == (ENDED, found.received)

"""What `pitchbar status` says of the cron Worker's ticks."""

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.ops import ticks
from infra.ops.console import Console
from infra.ops.outputs import Outputs
from infra.ops.show import show_tick
from infra.provider.local.layout import Layout
from tests.ops.standin import TOKEN, Release, running

NOW = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC).timestamp()
TICK = {
    "at": "2026-11-24T09:00:00.001Z",
    "cause": "clock",
    "ok": True,
    "status": 202,
    "pass": "p1",
    "running": False,
    "error": None,
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    found.cron.mkdir()
    (found.cron / "clock.json").write_text(json.dumps({"interval": 60}))
    (found.cron / "runtime.json").write_text(json.dumps({"pid": 1, "script": "ab" * 32}))
    return found


def ticked(layout: Layout, **changes: object) -> None:
    with (layout.cron / "ticks.jsonl").open("a") as file:
        file.write(json.dumps({**TICK, **changes}) + "\n")


def shown(layout: Layout, now: float = NOW) -> str:
    found = ticks.last_tick(layout, now)
    assert found is not None
    written, sys.stdout = sys.stdout, io.StringIO()
    try:
        show_tick(found, Console())
        return sys.stdout.getvalue()
    finally:
        sys.stdout = written


def test_an_environment_without_a_worker_has_no_tick(tmp_path: Path) -> None:
    assert ticks.last_tick(Layout(tmp_path)) is None


def test_the_last_tick_counts(layout: Layout) -> None:
    ticked(layout, at="2026-11-24T08:59:00.000Z", ok=False, status=401, error="no")
    ticked(layout)
    found = ticks.last_tick(layout, NOW)
    assert found is not None
    assert found.document() == {
        "at": "2026-11-24T09:00:00.001Z",
        "ago": 30.0,
        "ok": True,
        "status": 202,
        "pass_id": "p1",
        "running": False,
        "error": "",
        "interval": 60,
        "missed": False,
        "script": "abababababab",
    }
    assert shown(layout) == "Last queue tick: 30 s ago, 202, pass p1\n"


def test_a_tick_that_met_a_running_pass_says_so(layout: Layout) -> None:
    ticked(layout, running=True)
    assert shown(layout) == "Last queue tick: 30 s ago, 202, pass p1 (still running)\n"


def test_a_refused_tick_says_why(layout: Layout) -> None:
    ticked(layout, ok=False, status=401, error="This needs a token.", **{"pass": None})
    assert shown(layout) == "Last queue tick: 30 s ago, 401, This needs a token.\n"


@pytest.mark.parametrize(("late", "missed"), [(119, False), (121, True)])
def test_a_tick_is_missed_after_two_intervals(layout: Layout, late: float, missed: bool) -> None:
    ticked(layout)
    then = datetime.fromisoformat(str(TICK["at"])).timestamp()
    found = ticks.last_tick(layout, then + late)
    assert found is not None and found.missed is missed
    assert ("A tick is missed: one is due every 60 s." in shown(layout, then + late)) is missed


def test_the_first_tick_is_missed_too(layout: Layout) -> None:
    started = (layout.cron / "clock.json").stat().st_mtime
    assert shown(layout, started + 1) == "Last queue tick: none yet\n"
    assert "A tick is missed" in shown(layout, started + 121)


def test_a_broken_record_is_no_record(layout: Layout) -> None:
    (layout.cron / "ticks.jsonl").write_text("{half a line\n")
    found = ticks.last_tick(layout, NOW)
    assert found is not None and found.at == ""


def test_nobody_is_asked_to_tick_where_nothing_runs(layout: Layout) -> None:
    with pytest.raises(UserError) as caught:
        ticks.tick_now("other", layout)
    assert str(caught.value).endswith("pitchbar up -s other")


@pytest.fixture(scope="module")
def release() -> Iterator[Release]:
    with running(Release()) as found:
        yield found


@pytest.mark.parametrize(
    ("token", "broken", "ok", "error"),
    [
        (TOKEN, set(), True, ""),
        ("wrong", set(), False, "answered 401 instead of 202."),
        (TOKEN, {"tick"}, False, "answered 202 without the id of a pass."),
    ],
)
def test_a_tick_from_outside(release: Release, token: str, broken: set[str], ok: bool, error: str) -> None:
    release.broken.clear()
    release.broken.update(broken)
    found = ticks.tick_outside(Outputs(release.outputs(), {"internal_queue_token": token}))
    assert (found.ok, found.pass_id) == (ok, "the-pass" if ok else "")
    assert found.error.endswith(error)
    assert bool(found.error) != ok


def test_a_tick_from_outside_that_nobody_answers() -> None:
    found = ticks.tick_outside(Outputs({"app_url": "http://127.0.0.1:9"}, {"internal_queue_token": TOKEN}))
    assert (found.ok, found.status) == (False, 0)
    assert found.error != ""

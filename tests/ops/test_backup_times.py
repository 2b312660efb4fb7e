"""Which base backup a moment is restored from, which moments can be, and how people write them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.backups import BaseBackup, Window, choose, parse_moment, reach, rounded_up, segment_number, windows, written
from infra.errors import UserError
from infra.provider.local.backup_agent import due

NOW = datetime(2026, 3, 29, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets this machine's zone, which is UTC unless a test says otherwise."""
    with monkeypatch.context() as patch:

        def set_zone(name: str) -> None:
            patch.setenv("TZ", name)
            time.tzset()

        set_zone("UTC")
        yield set_zone
    time.tzset()


@pytest.fixture
def berlin(zone: Callable[[str], None]) -> None:
    """A machine in Berlin, where summer time began in the night before NOW."""
    zone("Europe/Berlin")


def backup(id: str, ended: datetime | None, until: datetime | None = NOW, **changes: Any) -> BaseBackup:
    values = {"status": "DONE", "begun": ended, "size": 1, "verified": True, **changes}
    return BaseBackup(id=id, ended=ended, reach=until, **values)


MONDAY, TUESDAY, WEDNESDAY = (backup(name, NOW - days * DAY) for name, days in (("mon", 3), ("tue", 2), ("wed", 1)))
WEEK = (WEDNESDAY, MONDAY, TUESDAY)


def test_the_newest_backup_that_had_ended_by_then_is_chosen() -> None:
    assert choose(WEEK, NOW) == WEDNESDAY
    assert choose(WEEK, NOW - 1.5 * DAY) == TUESDAY


def test_a_backup_that_ended_after_the_moment_is_never_chosen() -> None:
    just_before = NOW - DAY - timedelta(microseconds=1)
    assert choose(WEEK, just_before) == TUESDAY
    assert choose(WEEK, NOW - DAY) == WEDNESDAY


@pytest.mark.parametrize(
    "changes",
    [{"verified": False}, {"verified": None}, {"status": "FAILED"}, {"status": "WAITING_FOR_WALS"}],
    ids=str,
)
def test_only_a_whole_and_verified_backup_is_chosen(changes: dict[str, Any]) -> None:
    assert choose((TUESDAY, replace(WEDNESDAY, **changes)), NOW) == TUESDAY


def test_a_backup_whose_log_does_not_reach_the_moment_is_not_chosen() -> None:
    broken = backup("wed", NOW - DAY, NOW - 0.9 * DAY)
    with pytest.raises(UserError) as refused:
        choose((broken,), NOW - 0.5 * DAY)
    assert str(refused.value) == (
        "2026-03-29 00:00:00.000+00:00 is outside of what can be restored: "
        "from 2026-03-28 12:00:00.000+00:00 to 2026-03-28 14:24:00.000+00:00."
    )


def test_without_a_backup_nothing_is_promised() -> None:
    with pytest.raises(UserError, match=r"There is no verified base backup yet, so nothing can be restored\."):
        choose((backup("wed", NOW - DAY, verified=None),), NOW)


def test_windows_are_one_where_the_log_is_unbroken_and_several_where_not() -> None:
    assert windows(WEEK) == (Window(NOW - 3 * DAY, NOW),)
    gap = (backup("a", NOW - 5 * DAY, NOW - 4 * DAY), MONDAY, backup("unusable", NOW - 9 * DAY, None))
    assert windows(gap) == (Window(NOW - 5 * DAY, NOW - 4 * DAY), Window(NOW - 3 * DAY, NOW))
    with pytest.raises(UserError, match=r": from 2026-03-24 .* to 2026-03-25 .*, and from 2026-03-26 .* to 2026-03-29"):
        choose(gap, NOW - 3.5 * DAY)


def test_segments_are_numbered_over_the_borders_of_their_names() -> None:
    first = segment_number("0000000100000000000000FF")
    assert first == 255
    assert segment_number("000000020000000100000000.partial") == 256
    for other in ("00000002.history", "0000000100000000000000FF.00000028.backup", "xlog.db", "Z" * 24):
        assert segment_number(other) is None


def test_the_log_reaches_to_its_first_gap() -> None:
    at = {number: NOW - DAY + timedelta(hours=number) for number in (253, 254, 255, 256)}
    begin = "0000000100000000000000FE"
    assert reach(begin, at, NOW) == NOW
    assert reach(begin, {**at, 258: NOW}, NOW) == at[256]
    assert reach(begin, {253: NOW, 255: NOW}, NOW) is None


def test_a_moment_without_a_zone_is_local_time(berlin: None) -> None:
    assert parse_moment("2026-03-29T10:30:00", NOW) == datetime(2026, 3, 29, 8, 30, tzinfo=UTC)
    assert parse_moment("2026-03-28 10:30", NOW) == datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
    assert written(datetime(2026, 3, 29, 8, 30, tzinfo=UTC)) == "2026-03-29 10:30:00.000+02:00"


@pytest.mark.parametrize(
    "text",
    ["2026-03-29T10:30:00.5+02:00", "2026-03-29T08:30:00.500Z", " 2026-03-29 08:30:00.5+00:00 "],
)
def test_a_moment_with_a_zone_is_what_it_says(text: str, berlin: None) -> None:
    assert parse_moment(text, NOW) == datetime(2026, 3, 29, 8, 30, 0, 500000, tzinfo=UTC)


def test_what_is_written_can_be_typed_again() -> None:
    moment = datetime(2026, 3, 29, 8, 30, 0, 123456, tzinfo=UTC)
    shown = parse_moment(written(rounded_up(moment)), NOW)
    assert moment <= shown < moment + timedelta(milliseconds=1)
    assert rounded_up(shown) == shown


def test_latest_is_now() -> None:
    assert parse_moment("latest", NOW) == NOW


@pytest.mark.parametrize("text", ["yesterday", "", "29.3.2026", "2026-03-29T25:00:00", "1774773000"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_moment(text, NOW)
    assert str(refused.value) == (
        f"{text!r} is not a time. Write it as ISO 8601, such as '2026-03-29 12:00:00+00:00' or, in local time, "
        "'2026-03-29T12:00:00'; or write latest."
    )


def test_a_base_backup_is_due_at_once_and_then_every_day() -> None:
    now = NOW.timestamp()
    assert due(None, now)
    assert not due(now - 3600, now)
    assert not due(now - 24 * 3600 + 1, now)
    assert due(now - 24 * 3600, now)
    assert due(now + 48 * 3600, now), "a clock that was wrong doesn't put backups off for ever"

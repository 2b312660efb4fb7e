"""`pitchbar logs` of a stack on AWS, on moto's CloudWatch."""

import time
from collections.abc import Iterator

import pytest

from infra.ops.aws import logs
from infra.ops.aws.logs import Line, Source
from infra.ops.aws.place import Place
from tests.ops.aws.conftest import DATABASE, Account

NOW = int(time.time() * 1000)
MINUTE, HOUR = 60_000, 3_600_000
APP, OTHER, WORKER = "app/app/aaaaaaaa11112222", "app/app/bbbbbbbb11112222", "worker/worker/cccccccc11112222"


def test_the_last_lines_of_each_process_in_the_order_of_their_time(account: Account) -> None:
    account.write(APP, (NOW - 5000, "one"), (NOW - 3000, "three"))
    account.write(OTHER, (NOW - 4000, "two"))
    account.write(WORKER, (NOW - 4500, "job"))
    assert account.run("logs", "-n", "2").stdout.splitlines() == [
        "worker/cccccccc  job",
        "app/bbbbbbbb  two",
        "app/aaaaaaaa  three",
    ]


def test_of_one_process(account: Account) -> None:
    account.write(APP, (NOW - 5000, "one"))
    account.write(WORKER, (NOW - 4500, "job"))
    assert account.run("logs", "worker").stdout == "worker/cccccccc  job\n"
    assert account.run("logs", "realtime").stdout == ""


def test_it_looks_further_back_only_until_there_are_lines_enough(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.write(APP, (NOW - 30 * HOUR, "a day ago"), (NOW - 2 * HOUR, "hours ago"), (NOW - MINUTE // 2, "just now"))
    asked: list[tuple[int, int | None]] = []
    between = logs._between

    def remembering(place: Place, source: Source, begin: int, end: int | None) -> list[Line]:
        asked.append((begin, end))
        return between(place, source, begin, end)

    monkeypatch.setattr(logs, "_between", remembering)
    place = account.place()
    [chosen] = logs.sources(place, "app")
    now = NOW / 1000

    assert [line.text for line in logs.last(place, [chosen], 1, now)] == ["just now"]
    assert asked == [(NOW - MINUTE, NOW)]
    asked.clear()
    assert [line.text for line in logs.last(place, [chosen], 2, now)] == ["hours ago", "just now"]
    assert asked == [
        (NOW - MINUTE, NOW),
        (NOW - 10 * MINUTE, NOW - MINUTE),
        (NOW - HOUR, NOW - 10 * MINUTE),
        (NOW - 6 * HOUR, NOW - HOUR),
    ]
    assert [line.text for line in logs.last(place, [chosen], 9, now)] == ["a day ago", "hours ago", "just now"]
    assert logs.last(place, [chosen], 0, now) == []


def test_following_shows_each_line_once_also_late_ones(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.write(APP, (NOW - 2000, "shown before"))
    place = account.place()
    [chosen] = logs.sources(place, "app")
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            account.write(APP, (NOW + 3000, "new"))
        if len(naps) == 2:
            account.write(OTHER, (NOW + 1000, "younger task, older line"))

    monkeypatch.setattr(time, "sleep", nap)
    lines: Iterator[Line] = logs.follow(place, [chosen], NOW / 1000)

    assert (next(lines).text, next(lines).text) == ("new", "younger task, older line")
    assert naps == [2.0, 2.0]


@pytest.mark.parametrize(
    ("name", "group"),
    [("queue-probe", "pitchbar-staging-queue-probe-0a1b2c"), ("postgres", f"/aws/rds/instance/{DATABASE}/postgresql")],
)
def test_what_has_a_group_of_its_own(account: Account, name: str, group: str) -> None:
    account.write("2026/03/01/x", (NOW - 1000, "counted"), group=group)
    assert account.run("logs", name).stdout == f"{name}  counted\n"


def test_a_log_that_is_not_there_is_told_with_those_that_are(account: Account) -> None:
    shown = account.run("logs", "web")
    assert shown.exit_code == 1
    assert shown.stderr == (
        "error: Stack staging has no log 'web'. It has: app, migration, postgres, queue-probe, realtime, "
        "renewal, worker.\n"
    )

"""A thousand jobs, and workers that are killed with SIGKILL at random: none is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.app.processes import Launcher
from tests.app.queues import Chores

POOL = {"HORIZON_MIN_PROCESSES": "2", "HORIZON_MAX_PROCESSES": "4", "HORIZON_BACKLOG_PER_PROCESS": "50"}


@pytest.fixture
def chores(app: Launcher) -> Chores:
    chores = Chores(app)
    chores("enqueue", "crawl", "note", 0, 1000, 0.1)
    return chores


def account(chores: Chores, report: dict[str, Any], victims: str) -> None:
    done, failed = set(report["notes"]), set(report["failed"])
    assert done | failed == set(range(1000))
    assert chores.kills >= 30
    repeated = sum(count > 1 for count in Counter(report["notes"]).values())
    print(
        f"1000 jobs, {chores.kills} kills of {victims}: {len(done)} done ({repeated} more than once), "
        f"{len(failed)} failed, 0 lost"
    )


def test_1000_jobs_survive_workers_that_are_killed_at_random(chores: Chores) -> None:
    account(chores, chores.survive(1000, workers=3, seconds=600), "workers")


def test_1000_jobs_survive_a_pool_that_is_killed_in_part_and_as_a_whole(chores: Chores) -> None:
    account(chores, chores.survive_in_a_pool(1000, seconds=600, **POOL), "a pool or one of its workers")

"""A thousand jobs, and workers that are killed with SIGKILL at random: none is lost."""

from __future__ import annotations

from collections import Counter

from tests.app.processes import Launcher
from tests.app.queues import Chores


def test_1000_jobs_survive_workers_that_are_killed_at_random(app: Launcher) -> None:
    chores = Chores(app)
    chores("enqueue", "crawl", "note", 0, 1000, 0.1)
    report = chores.survive(1000, workers=3, seconds=600)
    done, failed = set(report["notes"]), set(report["failed"])
    assert done | failed == set(range(1000))
    assert chores.kills >= 40
    repeated = sum(count > 1 for count in Counter(report["notes"]).values())
    print(
        f"1000 jobs, {chores.kills} kills: {len(done)} done ({repeated} more than once), {len(failed)} failed, 0 lost"
    )

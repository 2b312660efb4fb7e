"""`pitchbar status` tells the queues' depth and the size of the worker's pool, from a real supervisor's processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import paths
from infra.ops.status import status
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.local.supervisor import Inputs, State, SupervisorResource
from tests.ops.tiny import Tiny, until
from tests.support.environment import PYTHON
from tests.support.processes import children

GENERATION = "worker-00000001"
LIMITS = {"HORIZON_MIN_PROCESSES": "1", "HORIZON_MAX_PROCESSES": "4"}
COUNTS = {
    "crawl": {"waiting": 12, "delayed": 3, "reserved": 1, "depth": 16, "failed": 2},
    "index": {"waiting": 0, "delayed": 0, "reserved": 0, "depth": 0, "failed": 0},
    "total": {"waiting": 12, "delayed": 3, "reserved": 1, "depth": 16, "failed": 2},
}
APP = f"""
import os, signal, subprocess, sys, time
if sys.argv[1] == "queue-metrics":
    assert "CANARY_QUEUE" not in os.environ and os.environ["REDIS_PORT"] == "6%79"
    sys.exit("Redis is away") if os.path.exists("away") else print('''{json.dumps(COUNTS)}''')
else:
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit([worker.kill() for worker in workers] and 0))
    time.sleep(60)
"""


@pytest.fixture
def layout(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    for name in ("PITCHBAR_HOME", "PITCHBAR_DATA_HOME"):
        monkeypatch.setenv(name, tiny.environ[name])
    layout = Layout(paths.environment_dir("local"))
    SupervisorResource().create(Inputs(str(layout.directory)))
    yield layout
    SupervisorResource().delete("", State(str(layout.directory)))


def start(layout: Layout, **variables: str) -> Path:
    """A worker whose release is a stand-in; the result is its folder."""
    folder, release = layout.services / GENERATION, layout.releases / "r1"
    folder.mkdir()
    (folder / "service.json").write_text(json.dumps({"process": "worker", "release": "r1", "replicas": 1}))
    (folder / ACCEPTED).touch()
    (release / "pitchbar_app").mkdir(parents=True)
    (release / "pitchbar_app" / "__main__.py").write_text(APP)
    told = {"REDIS_PORT": "6%79", "CANARY_QUEUE": "canary-1", **variables}
    command = (PYTHON, "-m", "pitchbar_app", "worker")
    Supervisor(layout).start(Program(GENERATION, command, release, told))
    until(lambda: Supervisor(layout).runs(GENERATION))
    return release


def test_status_tells_the_queues_and_the_pool(layout: Layout, tiny: Tiny) -> None:
    start(layout, **LIMITS)
    [process] = status("local").processes
    until(lambda: len(children(process.pid)) == 2)
    told = json.loads(tiny.pitchbar("status", "--json").stdout)
    assert told["processes"][0]["pool"] == {"size": 2, "min": 1, "max": 4}
    assert told["queues"] == [
        {"name": "crawl", "waiting": 12, "delayed": 3, "reserved": 1, "failed": 2},
        {"name": "index", "waiting": 0, "delayed": 0, "reserved": 0, "failed": 0},
    ]
    lines = tiny.pitchbar("status").stdout.splitlines()
    assert lines[0].endswith("release r1, 2 workers (from 1 to 4)")
    assert lines[2:5] == [
        "Queue  waiting  delayed  reserved  failed",
        "crawl  12       3        1         2",
        "index  0        0        0         0",
    ]


def test_a_worker_that_is_no_pool_is_one(layout: Layout, tiny: Tiny) -> None:
    start(layout, HORIZON_MIN_PROCESSES="1", HORIZON_MAX_PROCESSES="1")
    assert json.loads(tiny.pitchbar("status", "--json").stdout)["processes"][0]["pool"] == {
        "size": 1,
        "min": 1,
        "max": 1,
    }
    assert tiny.pitchbar("status").stdout.splitlines()[0].endswith("release r1, 1 worker")


def test_a_worker_of_a_release_without_pools_has_none(layout: Layout) -> None:
    start(layout)
    assert status("local").processes[0].pool is None


def test_queues_that_cannot_be_read_are_told(layout: Layout, tiny: Tiny) -> None:
    (start(layout, **LIMITS) / "away").touch()
    shown = tiny.pitchbar("status")
    assert "The queues can't be read. To see what Redis says, type: pitchbar logs redis -s local\n" in shown.stdout
    assert json.loads(tiny.pitchbar("status", "--json").stdout)["queues"] is None

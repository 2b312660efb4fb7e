"""The cron Worker's runtime: loaded before there is a Worker, taken by the first one, left alone otherwise."""

import json
import os
import signal
from typing import Any

import pytest

from infra.errors import UserError
from infra.provider.local import cron_runtime, cron_worker
from infra.provider.local.cron_runtime import CronRuntimeResource
from infra.provider.local.cron_worker import CronWorkerResource
from infra.provider.local.layout import CRON
from tests.support.environment import Environment
from tests.support.processes import runs, wait_until

RUNTIME, WORKER = CronRuntimeResource(), CronWorkerResource()
SCRIPT = "export default { async scheduled() {} };"


def worker(home: Environment, **changes: Any) -> cron_worker.Inputs:
    wanted = {"script": SCRIPT, "url": "http://app.localhost:1", "interval": 60, "cron": "* * * * *", "token": "t"}
    return cron_worker.Inputs(**{"directory": home.directory, **wanted, **changes})


@pytest.fixture
def state(home: Environment) -> cron_runtime.State:
    """A runtime that no Worker has taken."""
    RUNTIME.delete("", cron_runtime.State(home.directory))
    return RUNTIME.create(cron_runtime.Inputs(home.directory))[1]


def test_it_waits_for_its_first_worker(home: Environment, state: cron_runtime.State) -> None:
    pid = home.pid(CRON)
    assert cron_runtime.waits(home.layout)
    assert not (home.layout.cron / "runtime.json").exists()
    assert RUNTIME.create(cron_runtime.Inputs(home.directory))[1] == state
    assert home.pid(CRON) == pid, "it was started anew"

    _, made = WORKER.create(worker(home))
    assert made.running
    assert home.pid(CRON) == pid, "the Worker did not take the runtime that waited"
    assert json.loads((home.layout.cron / "runtime.json").read_text())["pid"] == pid
    assert not cron_runtime.waits(home.layout)

    WORKER.update("", made, worker(home, script=SCRIPT + "// changed"))
    assert home.pid(CRON) != pid, "another Worker got the runtime of the first"


def test_a_worker_starts_one_where_none_waits(home: Environment, state: cron_runtime.State) -> None:
    home.supervisor.remove(CRON)
    assert not cron_runtime.waits(home.layout)
    assert WORKER.create(worker(home))[1].running
    assert RUNTIME.create(cron_runtime.Inputs(home.directory))[1] == state
    assert RUNTIME.read("", state) == state


def test_a_runtime_that_was_killed_waits_again(home: Environment, state: cron_runtime.State) -> None:
    pid = home.pid(CRON)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not runs(pid) and cron_runtime.waits(home.layout), "it is started again")
    assert WORKER.create(worker(home))[1].running


def test_a_worker_that_can_not_run_is_refused_with_its_log(home: Environment, state: cron_runtime.State) -> None:
    with pytest.raises(UserError) as refusal:
        WORKER.create(worker(home, script="export default {"))
    assert str(refusal.value).startswith("The cron Worker didn't start in Cloudflare's runtime. Its last log lines:\n")
    assert "ERR_MODULE_PARSE" in str(refusal.value)
    assert not home.supervisor.processes(CRON)


def test_it_goes_with_its_folder(home: Environment, state: cron_runtime.State) -> None:
    pid = home.pid(CRON)
    RUNTIME.delete("", state)
    assert not runs(pid)
    assert RUNTIME.read("", state) is None
    RUNTIME.delete("", state)

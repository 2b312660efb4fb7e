"""The cron Worker in Cloudflare's own runtime, the pool of workers and the rotation of secrets, by the commands a user
types. The chapters share one stack."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.endpoints import Endpoint, http_get, http_post, url_endpoint
from infra.ops.ticks import ready_pid
from infra.paths import project_root
from infra.provider.local.layout import Layout
from infra.provider.local.supervision import Supervisor
from tests.support.backups import eventually, pause, restore, sql, usable
from tests.support.pools import is_grown, slow_canaries, worker
from tests.support.processes import PATIENCE, children, runs, wait_until
from tests.support.stack import Stack, World

TICK = "/api/v1/internal/queue-tick"
CANARY = "/api/v1/internal/canary"


@pytest.fixture(scope="module")
def stack(world: World) -> Stack:
    stack = world.stack("cron")
    stack.pitchbar("up", "--yes").must_succeed()
    return stack


def ticks(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stack.directory / "cron" / "ticks.jsonl").read_text().splitlines()]


def wait_for_tick(stack: Stack, count: int, seconds: float = 2 * PATIENCE) -> list[dict[str, Any]]:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if len(ticks(stack)) >= count:
                return ticks(stack)
        assert time.monotonic() < deadline, stack.pitchbar("logs", "cron").output
        time.sleep(0.05)


def state(app: Endpoint, token: str, canary: str) -> str:
    """How a canary job is doing."""
    return str(json.loads(http_get(app, f"{CANARY}/{canary}", token=token, timeout=PATIENCE).body)["status"])


def workerds(world: World) -> list[str]:
    return [line for line in world.processes() if "workerd serve" in line]


def test_the_first_tick_comes_right_after_the_deployment(stack: Stack) -> None:
    [first, *_] = wait_for_tick(stack, 1)
    assert (first["cause"], first["ok"], first["status"]) == ("deployment", True, 202)
    outputs = stack.outputs()
    assert "queue-tick" in outputs["capabilities"] and "queue-tick" not in outputs["lacking"]
    shown = stack.pitchbar("status").must_succeed().output
    assert f"202, pass {ticks(stack)[-1]['pass']}" in shown
    assert "missed" not in shown


def test_a_tick_drains_the_queue_when_no_worker_runs(stack: Stack) -> None:
    outputs = stack.outputs()
    app, token = url_endpoint(outputs["app_url"]), outputs["internal_queue_token"]
    supervisor = Supervisor(Layout(stack.directory))
    [worker] = [p["name"].rpartition("-")[0] for p in stack.status()["processes"] if p["program"] == "worker"]
    supervisor.stop(worker)
    try:
        order = http_post(app, CANARY, {"queue": "default", "channel": "checks"}, token=token, timeout=PATIENCE)
        canary = json.loads(order.body)["id"]
        time.sleep(0.3)
        assert state(app, token, canary) == "queued"
        shown = stack.pitchbar("deploy-cron-worker", "--yes")
        assert "Last queue tick: " in shown.output
        eventually(lambda: state(app, token, canary) == "finished", "the tick runs the job")
        assert json.loads(http_get(app, TICK, token=token, timeout=PATIENCE).body)["status"] in ("running", "ended")
    finally:
        supervisor.resume(worker)
    while not supervisor.runs(worker):
        time.sleep(0.05)


def test_ticks_at_the_same_moment_are_told_apart(stack: Stack) -> None:
    clock, count = ready_pid(Layout(stack.directory)), len(ticks(stack))
    deadline = time.monotonic() + PATIENCE
    while len(ticks(stack)) < count + 2:  # A busy machine makes one of signals that follow closely.
        assert time.monotonic() < deadline, stack.pitchbar("logs", "cron").output
        os.kill(clock, signal.SIGUSR2)
        time.sleep(0.02)
    found = wait_for_tick(stack, count + 2)[count:]
    time.sleep(0.5)
    assert all(tick["ok"] and tick["status"] == 202 and tick["pass"] for tick in found), found


def test_a_missed_tick_shows(stack: Stack) -> None:
    clock, file = ready_pid(Layout(stack.directory)), stack.directory / "cron" / "ticks.jsonl"
    before = file.read_text()
    os.kill(clock, signal.SIGSTOP)
    try:
        with file.open("a") as record:
            record.write(json.dumps({**ticks(stack)[-1], "at": "2026-01-01T00:00:00.000Z"}) + "\n")
        shown = stack.pitchbar("status").must_succeed().output
        assert "A tick is missed: one is due every 60 s." in shown
        assert stack.status()["tick"]["missed"] is True
    finally:
        file.write_text(before)
        os.kill(clock, signal.SIGCONT)
    eventually(lambda: stack.status()["tick"]["missed"] is False, "the clock makes up for it")


@contextlib.contextmanager
def ticking(stack: Stack, seconds: float) -> Iterator[list[int]]:
    """Have the Worker tick at this interval while the block runs, whichever process it is by then."""
    stop, asked, layout = threading.Event(), [], Layout(stack.directory)

    def run() -> None:
        while not stop.wait(seconds):
            if pid := ready_pid(layout):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR2)
                    asked.append(pid)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()


def test_a_rotation_loses_no_tick_and_leaves_the_script_alone(stack: Stack) -> None:
    old, script = stack.outputs()["internal_queue_token"], stack.status()["tick"]["script"]
    stack.pulumi("config", "set", "pitchbar:rotations", "queue-token:2").must_succeed()
    assert "+-3 to replace" in stack.pulumi("preview").must_succeed().output, "all processes get the new token"
    stack.pulumi("config", "rm", "pitchbar:rotations").must_succeed()
    count = len(ticks(stack))
    with ticking(stack, 1) as asked:
        stack.pitchbar("rotate", "queue-token", "--yes").must_succeed()
        time.sleep(1.5)
        during = wait_for_tick(stack, count + 3)[count:]
        outputs = stack.outputs()
        new = outputs["internal_queue_token"]
        app = url_endpoint(outputs["app_url"])
        assert new != old and stack.status()["tick"]["script"] == script
        for token in (old, new):
            assert http_post(app, TICK, {}, token=token, timeout=PATIENCE).status == 202
        stack.pitchbar("retire", "queue-token", "--yes").must_succeed()
        time.sleep(1.5)
    after = ticks(stack)[count:]
    assert len(after) > len(during)
    assert len(set(asked)) == 2, "the Worker was not restarted once: by the rotation"
    assert [tick for tick in after if not tick["ok"]] == []
    assert {tick["status"] for tick in after} == {202}
    assert http_post(app, TICK, {}, token=old, timeout=PATIENCE).status == 401
    assert http_post(app, TICK, {}, token=new, timeout=PATIENCE).status == 202
    assert stack.status()["tick"]["script"] == script
    assert "23 unchanged" in stack.pulumi("preview", "--expect-no-changes").must_succeed().output


def keys_told(stack: Stack) -> dict[str, set[str]]:
    """The keys that the processes of the app were told."""
    found: dict[str, set[str]] = {"APP_KEY": set(), "APP_PREVIOUS_KEYS": set()}
    for process in stack.status()["processes"]:
        if process["program"] in ("app", "worker", "realtime"):
            variables = Path(f"/proc/{process['pid']}/environ").read_text().split("\0")
            told = dict(line.partition("=")[::2] for line in variables)
            for name in found:
                found[name].add(told[name])
    return found


def test_what_is_encrypted_outlives_a_rotation_of_its_key(stack: Stack) -> None:
    eventually(lambda: usable(stack), "a verified base backup")
    outputs = stack.outputs()
    old, app = outputs["app_key"], url_endpoint(outputs["app_url"])
    made = http_post(app, "/api/v1/tokens", {"password": outputs["admin_password"], "name": "kept"}, timeout=PATIENCE)
    token = json.loads(made.body)["token"]

    def readable() -> bool:
        return http_get(app, "/api/v1/sources", token=token, timeout=PATIENCE).status == 200

    assert readable()
    before = pause()
    stack.pitchbar("rotate", "app-key", "--yes").must_succeed()
    outputs = stack.outputs()
    new = outputs["app_key"]
    assert new != old == outputs["app_key_previous"]
    assert keys_told(stack) == {"APP_KEY": {new}, "APP_PREVIOUS_KEYS": {old}}
    assert readable()
    again = stack.pitchbar("rotate", "app-key", "--yes")
    assert again.code == 1 and "Only one previous value is kept, so retire that first" in again.output
    assert stack.outputs()["app_key"] == new

    restored = restore(stack, before.isoformat(), "before")
    assert renew(stack, restored["port"], old) == {"renewed": 1}, "a database from before the rotation opens"

    sql(
        stack,
        "INSERT INTO app_settings (name, value) SELECT 'lost', overlay(value placing 'AAAA' from 60) FROM app_settings",
    )
    refused = stack.pitchbar("retire", "app-key", "--yes")
    assert refused.code == 1
    assert "The settings were left as they are: lost: The value" in refused.output
    assert "The previous app-key is not retired." in refused.output
    assert old not in refused.output and new not in refused.output
    assert keys_told(stack)["APP_PREVIOUS_KEYS"] == {old}
    assert "unchanged" in stack.pulumi("preview", "--expect-no-changes").must_succeed().output

    sql(stack, "DELETE FROM app_settings WHERE name = 'lost'")
    stack.pitchbar("retire", "app-key", "--yes").must_succeed()
    assert keys_told(stack) == {"APP_KEY": {new}, "APP_PREVIOUS_KEYS": {""}}
    assert readable()
    stack.pulumi("preview", "--expect-no-changes").must_succeed()


def renew(stack: Stack, port: int, previous: str) -> dict[str, int]:
    """Renew the settings of another database, by the very lines of docs/backups.md."""
    [worker] = [process for process in stack.status()["processes"] if process["program"] == "worker"]
    [lines] = re.findall(r"^```sh\n(worker=PID .+?)^```", (project_root() / "docs/backups.md").read_text(), re.M | re.S)
    script = lines.replace("PID", str(worker["pid"]), 1).replace("=PORT", f"={port}", 1)
    done = subprocess.run(["bash", "-c", script], input=f"{previous}\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("victim", ["workerd", "clock"])
def test_a_killed_runtime_comes_back(world: World, stack: Stack, victim: str) -> None:
    clock, count = ready_pid(Layout(stack.directory)), len(ticks(stack))
    [workerd] = children(clock)
    os.kill(workerd if victim == "workerd" else clock, signal.SIGKILL)
    assert wait_for_tick(stack, count + 1)[-1]["ok"]
    assert ready_pid(Layout(stack.directory)) != clock
    assert len(workerds(world)) == 1
    stack.pitchbar("status").must_succeed()


def test_a_backlog_brings_workers_and_none_of_its_jobs_is_lost_with_the_pool(stack: Stack) -> None:
    outputs = stack.outputs()
    app, token = url_endpoint(outputs["app_url"]), outputs["internal_queue_token"]
    assert worker(stack.status())["pool"] == {"size": 1, "min": 1, "max": 3}

    def canary() -> str:
        order = http_post(app, CANARY, {"queue": "default", "channel": "checks"}, token=token, timeout=PATIENCE)
        return str(json.loads(order.body)["id"])

    with slow_canaries(stack):
        canaries = [canary() for _ in range(100)]
        wait_until(lambda: is_grown(stack.status()), "the pool grows with the backlog")
        assert "3 workers (from 1 to 3)" in stack.pitchbar("status").must_succeed().output
        pool = worker(stack.status())["pid"]
        workers = children(pool)
        os.kill(pool, signal.SIGKILL)
        wait_until(lambda: not any(map(runs, workers)), "the workers of a killed pool end")
        wait_until(
            lambda: {state(app, token, canary) for canary in canaries} == {"finished"},
            "every job is done",
            4 * PATIENCE,
        )
    assert worker(stack.status())["pid"] not in (0, pool)
    wait_until(lambda: worker(stack.status())["pool"]["size"] == 1, "the pool shrinks again")


def test_the_token_is_in_private_files_only(world: World, stack: Stack) -> None:
    token = stack.outputs()["internal_queue_token"]
    holding = [
        path for path in (stack.directory / "cron").rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]
    assert [path.name for path in holding] == ["clock.json"]
    assert holding[0].stat().st_mode & 0o077 == 0
    assert not any(token in line for line in world.processes())
    if os.geteuid() == 0:
        assert holding[0].owner() == "pitchbar"
        assert Path(f"/proc/{ready_pid(Layout(stack.directory))}").owner() == "pitchbar"


def test_down_leaves_nothing(world: World, stack: Stack) -> None:
    stack.pitchbar("down", "--yes").must_succeed()
    assert world.processes() == []
    assert list(world.data.iterdir()) == []

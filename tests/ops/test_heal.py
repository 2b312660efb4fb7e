"""After `kill -9`: the dead engine's lock, and what it left unfinished; never the lock of one that may live."""

import json
import os
import pwd
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.ops import heal, up
from infra.ops.console import Console
from infra.ops.engine import Outcome
from infra.ops.stacks import Stack
from tests.ops.tiny import Tiny, until
from tests.support.processes import PATIENCE

HERE = socket.gethostname()


def kill_in_the_middle(tiny: Tiny, mark: Path) -> int:
    """Start an update, kill its engine when the second resource is being made; return the engine's process id."""
    tiny.turn(mark=str(mark), sleep=60)
    running = tiny.start("up", "--yes")
    until(mark.exists)
    [lock] = tiny.locks()
    engine = int(json.loads(lock.read_text())["pid"])
    os.kill(engine, signal.SIGKILL)
    assert running.communicate(timeout=2 * PATIENCE)[1].endswith(
        "error: `pulumi up` was killed (SIGKILL); what it left half done will be healed.\n"
        "Nothing serves yet.\nTo go on, type: pitchbar up -s local\n"
    )
    assert tiny.locks() == [lock]
    return engine


def write_lock(tiny: Tiny, pid: int, hostname: str = HERE, since: datetime | None = None) -> Path:
    """A lock as the engine writes it."""
    folder = tiny.root / "home/state/.pulumi/locks/organization/tiny/local"
    folder.mkdir(parents=True, exist_ok=True)
    timestamp = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.213446217Z")
    content = {"pid": pid, "username": "someone", "hostname": hostname, "timestamp": timestamp}
    file = folder / "0b5cbd1c.json"
    file.write_text(json.dumps(content))
    return file


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_killed_update_is_healed_and_leaves_no_warning(tiny: Tiny, tmp_path: Path) -> None:
    engine = kill_in_the_middle(tiny, tmp_path / "began")
    assert [operation["type"] for operation in tiny.state()["pending_operations"]] == ["creating"]
    tiny.turn()
    finished = tiny.pitchbar("up", "--yes")
    holder = f"{pwd.getpwuid(os.getuid()).pw_name}@{HERE}, process {engine}"
    assert f"Released the lock of stack local: its holder is dead ({holder}, since " in finished.stdout
    assert "Cleared what a killed update left unfinished in stack local: second (creating)." in finished.stdout
    assert "+ 1 created" in finished.stdout
    assert "warning" not in finished.stdout + finished.stderr
    assert tiny.state().get("pending_operations", []) == []
    assert tiny.locks() == []


def test_down_heals_too(tiny: Tiny, tmp_path: Path) -> None:
    kill_in_the_middle(tiny, tmp_path / "began")
    finished = tiny.pitchbar("down", "--yes")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1].startswith("Stack local is down and removed (")
    assert tiny.files() == {"state/.pulumi/meta.yaml", "state/.pulumi/meta.yaml.attrs"}


def test_an_engine_that_came_first_after_all_is_waited_for(made: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lock(made, os.getpid())
    refused = made.shell('eval "$(pitchbar env)" && pulumi up --yes').stderr
    ends = [Outcome(255, refused, False), Outcome(0, "", False)]
    healed: list[bool] = []
    monkeypatch.setattr(up, "run", lambda *_, **__: ends.pop(0))
    monkeypatch.setattr(up, "heal", lambda *_, wait: healed.append(wait))
    stack = Stack("local", True, made.root / "home/stacks/Pulumi.local.yaml")
    outcome, _ = up.update(stack, ["up"], Console(), wait=False)
    assert (outcome.code, ends, healed) == (0, [], [False])


class TestLocks:
    """Locks of every kind, on a stack that exists."""

    def test_of_another_machine_is_never_released(self, made: Tiny) -> None:
        lock = write_lock(made, dead_process(), "build-17")
        finished = made.pitchbar("up", "--yes")
        assert finished.returncode == 1
        since = finished.stderr.partition("since ")[2].partition(". Wait")[0]
        pid = json.loads(lock.read_text())["pid"]
        assert finished.stderr == (
            f"error: Stack local is locked from another machine: someone@build-17, process {pid}, since {since}. "
            "Wait until that run has ended; only if you know that it is dead, type: "
            'eval "$(pitchbar env -s local)" && pulumi cancel --yes\n'
        )
        assert lock.exists()

    def test_of_a_living_process_is_waited_for(self, made: Tiny) -> None:
        holder = subprocess.Popen(["sleep", "600"])
        lock = write_lock(made, holder.pid)
        waiting = made.start("up", "--yes")
        assert waiting.stdout is not None
        line = waiting.stdout.readline()
        assert line.startswith("Waiting for a running Pulumi to release stack local: someone@")
        assert f"process {holder.pid}, since" in line
        lock.unlink()
        assert "Updating (local)" in waiting.communicate(timeout=2 * PATIENCE)[0]
        holder.kill()
        holder.wait()

    def test_of_a_living_process_is_an_error_when_it_must_not_wait(self, made: Tiny) -> None:
        lock = write_lock(made, os.getpid())
        finished = made.pitchbar("up", "--yes", "--no-wait")
        since = finished.stderr.partition("since ")[2].partition(". Repeat")[0]
        assert finished.stderr == (
            f"error: Stack local is locked by a running Pulumi: someone@{HERE}, process {os.getpid()}, since {since}. "
            "Repeat the command when that has ended, or without --no-wait.\n"
        )
        assert lock.exists()

    def test_that_nobody_can_read_is_left_alone(self, made: Tiny) -> None:
        lock = write_lock(made, 1)
        lock.write_text("{")
        finished = made.pitchbar("up", "--yes")
        assert finished.stderr == (
            f"error: The lock {lock} can't be read, so nobody knows whether its holder lives. "
            "If no Pulumi runs on this stack, remove the file and repeat the command.\n"
        )

    def test_in_another_backend_is_none_of_our_business(self, made: Tiny, tmp_path: Path) -> None:
        lock = write_lock(made, dead_process())
        (tmp_path / "mine").mkdir()
        finished = made.pitchbar("up", "--yes", PULUMI_BACKEND_URL=f"file://{tmp_path}/mine")
        assert "+ 3 created" in finished.stdout
        assert lock.exists()


def test_a_process_is_alive_only_if_it_is_as_old_as_the_lock() -> None:
    now = time.time()
    assert heal.is_alive(os.getpid(), now)
    assert not heal.is_alive(dead_process(), now)
    assert not heal.is_alive(os.getpid(), (datetime.now() - timedelta(days=2)).timestamp())


def test_a_process_that_only_waits_to_be_reaped_is_dead() -> None:
    zombie = subprocess.Popen(["true"])
    until(lambda: not heal.is_alive(zombie.pid, time.time()))
    zombie.wait()

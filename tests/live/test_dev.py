"""`pitchbar dev`: what is edited is served a moment later, a mistake is told, and Ctrl-C leaves nothing running."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.checks import CheckFailed
from infra.endpoints import http_get, url_endpoint
from infra.paths import project_root
from tests.live.test_rollback import EXPAND
from tests.support.stack import PITCHBAR, World


@contextlib.contextmanager
def developing(world: World, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """``pitchbar dev`` in a session of its own, as a terminal starts it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PITCHBAR), "dev"],
            env=world.environment(),
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: "Watching" in log.read_text(), log, 60)
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def until(true: Callable[[], bool], log: Path, seconds: float = 60) -> None:
    """Wait for something; on failure show what was written."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def page(address: str, path: str = "/") -> str:
    """What a visitor gets; empty while there is nothing."""
    try:
        answer = http_get(url_endpoint(address), path, timeout=10)
    except CheckFailed:
        return ""
    return answer.body.decode() if answer.status == 200 else ""


def test_a_day_of_developing(world: World, tmp_path: Path) -> None:
    log, stack = tmp_path / "log", world.stack("dev")
    package = world.app / "pitchbar_app"
    template, module = package / "web" / "templates" / "index.html", package / "queueing.py"
    with developing(world, log):
        address = stack.outputs()["app_url"]
        before = {entry["name"]: entry["pid"] for entry in stack.status()["processes"]}

        template.write_text(template.read_text().replace("<h1>Pitchbar</h1>", "<h1>Edited</h1>"))
        until(lambda: "<h1>Edited</h1>" in page(address), log)
        until(lambda: "index.html edited: restarted app in" in log.read_text(), log)
        after = {entry["name"]: entry["pid"] for entry in stack.status()["processes"]}
        assert {name.partition("-")[0] for name in before if before[name] != after[name]} == {"app"}

        good = module.read_text()
        module.write_text(good + "this is no Python\n")
        until(lambda: "app ended at its start" in log.read_text(), log)
        assert "SyntaxError: invalid syntax" in log.read_text()
        module.write_text(good)
        until(lambda: "queueing.py edited: restarted app, worker, realtime in" in log.read_text(), log)
        until(lambda: page(address) != "", log)

        head = json.loads(page(address, "/ready"))["release"]
        revision = EXPAND.format(
            revision="9001",
            down=stack.outputs()["schema_revision"],
            phase="expand",
            statement="ALTER TABLE sources ADD COLUMN tried int",
        )
        (package / "migrations" / "versions" / "9001_try.py").write_text(revision)
        until(lambda: json.loads(page(address, "/ready") or '{"release": ""}')["release"] not in ("", head), log, 60)
        until(lambda: log.read_text().count("is up: release") == 2, log)
        assert stack.outputs()["schema_revision"] == "9001"

        second = subprocess.run([PITCHBAR, "dev"], env=world.environment(), capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr == "error: `.venv/bin/pitchbar dev -s dev` runs already, in another terminal.\n"
    assert world.processes() == []
    assert "Stopped. To remove it with its data, type: .venv/bin/pitchbar down -s dev" in log.read_text()

    with developing(world, log):
        assert "<h1>Edited</h1>" in page(address)
        assert stack.outputs()["schema_revision"] == "9001"
    assert world.processes() == []
    stack.pitchbar("down", "--yes").must_succeed()
    assert list(world.data.iterdir()) == []

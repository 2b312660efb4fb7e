"""One environment's life on this machine, through the real engine and real services, in the order of its chapters.

The chapters share the environment: run the file whole.
"""

import contextlib
import os
import random
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra import checks
from infra.endpoints import url_endpoint
from tests.support.load import visitors, wait_for_requests
from tests.support.processes import PATIENCE
from tests.support.stack import Stack, World, listens

NAME = "story"


@pytest.fixture
def stack(world: World) -> Stack:
    return world.stack(NAME)


def up(stack: Stack, *arguments: str) -> str:
    return stack.pitchbar("up", "--yes", *arguments).must_succeed().output


def serving(stack: Stack) -> str:
    """The release that a visitor meets."""
    app = url_endpoint(stack.outputs()["app_url"])
    said = checks.http_get(app, "/up", timeout=PATIENCE).body.decode()
    return said.partition('"release":"')[2].partition('"')[0]


def generations(stack: Stack) -> list[str]:
    return sorted(folder.name for folder in (stack.directory / "services").iterdir() if not folder.name.startswith("."))


def test_up_makes_a_verified_environment(stack: Stack) -> None:
    output = up(stack, "--environment", "local")
    outputs = stack.outputs()
    assert "all 9 checks passed" in output
    for name in ("app_url", "widget_url", "realtime_url"):
        assert outputs[name] in output
    assert outputs["environment"] == outputs["target"] == "local"
    assert {name: p["replicas"] for name, p in outputs["processes"].items()} == {"app": 1, "worker": 1, "realtime": 1}
    assert outputs["release"] == serving(stack)
    assert outputs["admin_password"] not in output


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = stack.status()
    preview = stack.pulumi("preview", "--expect-no-changes").must_succeed().output
    assert "23 unchanged" in preview
    bare = stack.pulumi("up", "--yes", "--skip-preview").must_succeed().output
    assert "23 unchanged" in bare
    assert "23 unchanged" in stack.pulumi("refresh", "--yes", "--skip-preview").must_succeed().output
    assert [p["pid"] for p in stack.status()["processes"]] == [p["pid"] for p in before["processes"]]


def files(stack: Stack) -> list[Path]:
    """The environment's files, without those that the database and its backups make by themselves."""
    return sorted(path for path in stack.directory.rglob("*") if not {"postgres", "backup"} & set(path.parts))


def test_preview_touches_nothing(world: World, stack: Stack) -> None:
    before = files(stack)
    pids = [p["pid"] for p in stack.status()["processes"]]
    stack.pulumi("config", "rm", "pitchbar:release").must_succeed()
    with world.broken("migrate.py", "raise SystemExit('must not run')"):
        preview = stack.pulumi("preview").must_succeed().output
    assert "+-3 to replace" in preview
    assert files(stack) == before
    assert [p["pid"] for p in stack.status()["processes"]] == pids


def test_a_release_loses_no_visitor(world: World, stack: Stack) -> None:
    outputs = stack.outputs()
    before = generations(stack)
    with visitors(outputs["app_url"], outputs["realtime_url"], outputs["realtime_key"]) as tally:
        wait_for_requests(tally, 1500)
        world.release("second release")
        up(stack)
        wait_for_requests(tally, 1500)
        while tally.requests < 5000:
            wait_for_requests(tally, 500)
    assert tally.failures == []
    assert tally.requests >= 5000
    assert tally.releases.keys() == {outputs["release"], stack.outputs()["release"]}
    assert tally.reconnections == 4, "each WebSocket client was asked to connect again, once"
    assert not set(before) & set(generations(stack)), "the old processes are gone"
    assert len(generations(stack)) == 3


@pytest.mark.parametrize(
    ("module", "statement", "sentences"),
    [
        (
            "web/__init__.py",
            "raise SystemExit('no app')",
            ("The app process of release", "ended at its start", "no app"),
        ),
        ("migrate.py", "raise SystemExit('no schema')", ("The migration of release", "exit code 1", "no schema")),
        ("worker.py", "raise SystemExit('no work')", ("is refused", "The one before it still serves", "no work")),
        ("realtime/__init__.py", "raise SystemExit('no talk')", ("The realtime process of release", "no talk")),
    ],
)
def test_a_broken_release_is_refused(
    world: World, stack: Stack, module: str, statement: str, sentences: tuple[str, ...]
) -> None:
    outputs = stack.outputs()
    with visitors(outputs["app_url"], outputs["realtime_url"], outputs["realtime_key"], http=2) as tally:
        wait_for_requests(tally, 100)
        with world.broken(module, statement):
            refused = stack.pitchbar("up", "--yes")
        wait_for_requests(tally, 100)
    assert refused.code == 1
    for sentence in sentences:
        assert sentence in refused.output
    assert "Traceback" not in refused.output.partition("Diagnostics")[0]
    assert tally.failures == []
    assert tally.releases.keys() == {serving(stack)}
    assert tally.reconnections == 0


def test_a_release_that_never_gets_healthy_is_refused_at_its_deadline(world: World, stack: Stack) -> None:
    before = serving(stack)
    with world.broken("web/__init__.py", "import time; time.sleep(600)"):
        started = stack.start("up", "--yes")
        time.sleep(8)
        assert started.poll() is None, "it waits for the candidate"
        assert serving(stack) == before
        os.killpg(started.pid, signal.SIGINT)
        assert started.wait(2 * PATIENCE) != 0
    assert serving(stack) == before


def test_the_release_before_comes_back_after_refusals(world: World, stack: Stack) -> None:
    up(stack)
    assert stack.pitchbar("verify").code == 0
    assert len(generations(stack)) == 3


@pytest.mark.parametrize("process", ["app", "worker", "realtime", "postgres", "redis", "gateway", "cron"])
def test_a_killed_process_comes_back(stack: Stack, process: str) -> None:
    [before] = [p["pid"] for p in stack.status()["processes"] if p["name"].startswith(process)]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 2 * PATIENCE
    while stack.pitchbar("verify").code != 0:
        assert time.monotonic() < deadline, stack.pitchbar("verify").output
    [after] = [p["pid"] for p in stack.status()["processes"] if p["name"].startswith(process)]
    assert after != before
    assert "23 unchanged" in stack.pulumi("up", "--refresh", "--yes", "--skip-preview").must_succeed().output


def test_a_killed_supervisor_is_found_and_healed(world: World, stack: Stack) -> None:
    os.kill(int((stack.directory / "supervisord.pid").read_text()), signal.SIGKILL)
    found = stack.pulumi("refresh", "--preview-only").must_succeed().output
    assert "~ 9 to update" in found or "running" in found
    up(stack)
    names = [p["name"].rpartition("-")[0] for p in stack.status()["processes"]]
    assert len(names) == len(set(names)) == 9
    commands = [line.partition(" ")[2] for line in world.processes()]
    assert sum("pitchbar_app web" in command for command in commands) == 1, commands


@pytest.mark.parametrize("seconds", [0.6, 1.0, 1.4, 1.8, 2.2])
def test_a_killed_engine_is_healed_by_the_next_up(world: World, stack: Stack, seconds: float) -> None:
    world.release(f"engine killed after {seconds}")
    running = stack.start("up", "--yes")
    time.sleep(seconds + random.uniform(0, 0.3))
    killed = _kill(world, "pulumi up")
    running.wait(2 * PATIENCE)
    output = up(stack)
    assert "pending" not in output, f"{killed}\n{output}"
    assert stack.state()["deployment"].get("pending_operations") in (None, [])
    assert len(generations(stack)) == 3
    assert len(stack.status()["processes"]) == 9
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


@pytest.mark.parametrize("seconds", [0.9, 1.5, 2.1])
def test_a_killed_plugin_is_healed_by_the_next_up(world: World, stack: Stack, seconds: float) -> None:
    world.release(f"plugin killed after {seconds}")
    running = stack.start("up", "--yes")
    time.sleep(seconds + random.uniform(0, 0.3))
    _kill(world, "infra.provider")
    running.wait(2 * PATIENCE)
    up(stack)
    assert len(generations(stack)) == 3
    assert len(stack.status()["processes"]) == 9


def test_secrets_are_nowhere_in_clear(world: World, stack: Stack) -> None:
    outputs = stack.outputs()
    secrets = [outputs["admin_password"], outputs["internal_queue_token"]]
    for path in world.folder.rglob("*"):
        if not path.is_file() or path.is_relative_to(world.app):
            continue
        content = path.read_bytes()
        if any(secret.encode() in content for secret in secrets):
            assert path.parent.name in ("conf.d", "cron"), f"{path} holds a secret in clear"
            assert path.stat().st_mode & 0o077 == 0
    for line in world.processes():
        assert not any(secret in line for secret in secrets)


def test_production_is_rehearsed_beside_it(world: World, stack: Stack) -> None:
    rehearsal = world.stack("rehearsal")
    output = up(rehearsal, "--environment", "production", "--target", "local")
    outputs = rehearsal.outputs()
    assert "all 9 checks passed" in output
    assert {name: p["replicas"] for name, p in outputs["processes"].items()} == {"app": 2, "worker": 2, "realtime": 1}
    processes = rehearsal.status()["processes"]
    assert len(processes) == 10, "two of the app; the worker's pool is one"
    assert [p["pool"] for p in processes if p["program"] == "worker"] == [{"size": 2, "min": 2, "max": 8}]
    assert urlsplit(outputs["app_url"]).hostname == "app.rehearsal.localhost"
    assert stack.pitchbar("verify").code == 0, "the first stack works on"
    with visitors(outputs["app_url"], outputs["realtime_url"], outputs["realtime_key"], http=4) as tally:
        wait_for_requests(tally, 300)
        world.release("rehearsed release")
        up(rehearsal)
        wait_for_requests(tally, 300)
    assert tally.failures == []
    rehearsal.pitchbar("down", "--yes").must_succeed()
    assert stack.pitchbar("verify").code == 0, "the first stack works on"


@pytest.mark.parametrize("environment", ["staging", "preview"])
def test_the_other_shapes_come_up_here_too(world: World, environment: str) -> None:
    stack = world.stack(f"as-{environment}")
    up(stack, "--environment", environment, "--target", "local")
    assert stack.outputs()["environment"] == environment
    stack.pitchbar("down", "--yes").must_succeed()


def test_down_leaves_nothing(world: World, stack: Stack) -> None:
    port = urlsplit(stack.outputs()["app_url"]).port or 0
    assert listens(port)
    stack.pitchbar("down", "--yes").must_succeed()
    assert not listens(port)
    assert world.processes() == []
    assert list(world.data.iterdir()) == []
    assert list((world.folder / "home" / "stacks").iterdir()) == []
    assert not list((world.folder / "home" / "state").rglob("*.lock*"))
    assert "nothing to take down" in stack.pitchbar("down", "--yes").must_succeed().output


def _kill(world: World, what: str) -> list[str]:
    """SIGKILL this world's processes whose command line holds ``what``."""
    killed = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ours = str(world.folder).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if ours and what in command and int(folder.name) != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(folder.name), signal.SIGKILL)
            killed.append(command)
    return killed

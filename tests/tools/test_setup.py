"""Set-up: repeating it, mending it, and what it says when something can't be had. Without a network."""

from __future__ import annotations

import io
import os
import re
import resource
import shutil
import subprocess
import venv
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from infra import paths, toolchain
from tests.support.processes import runs, wait_until
from tools.provision import __main__ as provision
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts import golang, official, packages
from tools.provision.parts.packages import Packages
from tools.provision.parts.pulumi import Pulumi
from tools.provision.parts.redis import Redis
from tools.provision.progress import Progress

_SETUP = paths.project_root() / "tools" / "setup"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A set-up of this checkout with an empty cache, which tells nobody what it does."""
    return Context(paths.project_root(), tmp_path / "cache", dev=True, progress=Progress(io.StringIO()))


class Fake:
    """A part that does what a test says."""

    def __init__(self, name: str, make: Callable[[Context], None]) -> None:
        """Name it."""
        self.name = name
        self._make = make

    def ready(self, context: Context) -> bool:
        """Never."""
        return False

    def make(self, context: Context) -> None:
        """Do what the test says."""
        self._make(context)

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing."""
        return {}


def test_the_second_time_it_says_nothing_and_takes_no_time() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([_SETUP, "--dev"], cwd="/", check=True, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("", "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2, "of processor time"


def test_a_lost_record_is_written_anew_without_making_anything(tmp_path: Path) -> None:
    for part in toolchain.cache_home().iterdir():
        if part.name != "checkouts":
            (tmp_path / part.name).symlink_to(part)
    environment = {**os.environ, "PITCHBAR_CACHE_HOME": str(tmp_path)}

    done = subprocess.run([_SETUP], env=environment, check=True, capture_output=True, text=True)

    assert re.sub(r"\d+\.\d", "0.0", done.stderr) == "  ...  Pulumi CLI: starting\n  ok   Pulumi CLI (0.0 s)\n"
    record = next((tmp_path / "checkouts").glob("*.json")).read_text()
    assert record.replace(str(tmp_path), str(toolchain.cache_home())) == toolchain.record_file().read_text()


def test_every_failure_is_told_at_the_end(
    context: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Context) -> None:
        raise PartError("there is none", "make one")

    def surprises(_: Context) -> None:
        raise ValueError("odd")

    parts = (
        Fake("Good", lambda _: None),
        Fake("Bad", fails),
        Fake("Odd", surprises),
        Fake("Late", lambda given: given.wait_for("Bad")),
    )
    monkeypatch.setattr(provision, "PARTS", parts)
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(context.cache))

    assert provision.main([]) == 1

    told = capsys.readouterr().err.partition("Set-up could not get everything:\n")[2]
    assert set(told.strip().split("\n\n")) == {
        "Bad: there is none\n  Type: make one",
        "Odd: ValueError: odd\n  Type: make setup",
        "Late: needs Bad, which failed",
    }


def test_a_log_shows_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.provision.progress._QUIET_SECONDS", 0.05)
    monkeypatch.setattr("tools.provision.progress._BLINK_SECONDS", 0.02)
    log = io.StringIO()

    with Progress(log) as progress:
        progress.start("Slow", "building")
        wait_until(lambda: "still at it" in log.getvalue(), "it says that it is at it")
        progress.done("Slow")

    lines = log.getvalue().splitlines()
    assert lines[0] == "  ...  Slow: building"
    assert "  ...  still at it: Slow 0 s" in lines[1:-1]
    assert re.fullmatch(r"  ok   Slow \(\d+\.\d s\)", lines[-1])


def test_an_environment_that_was_not_finished_is_not_used(context: Context, tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(context.root / name, root / name)
    fresh = Context(root, context.cache, dev=True, progress=context.progress)
    part, folder = Packages(), packages._folder(fresh)
    folder.mkdir(parents=True)
    (root / ".venv").symlink_to(folder)
    assert not part.ready(fresh)

    (folder / ".complete").touch()
    assert part.ready(fresh)
    assert part.ready(replace(fresh, dev=False)), "the tests' packages stay once they are there"

    (root / "requirements-dev.txt").write_text("changed")
    assert not part.ready(fresh)


def test_a_checkout_in_a_folder_with_an_umlaut_is_found_under_the_locale_c(tmp_path: Path) -> None:
    place, folder = tmp_path / "pitch bär", tmp_path / "venv"
    place.mkdir()
    (place / "only_there.py").touch()
    venv.create(folder, symlinks=True)
    [packages_] = folder.glob("lib/python*/site-packages")
    (packages_ / "_pitchbar_platform.pth").write_text(str(place), encoding="utf-8")

    packages._spell_in_ascii(folder)

    command = [str(folder / "bin" / "python"), "-c", "import only_there"]
    finished = subprocess.run(command, env={"LC_ALL": "C"}, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_a_venv_of_somebody_else_is_left_alone(context: Context, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()

    with pytest.raises(PartError) as refused:
        Packages().make(Context(tmp_path, context.cache, dev=False, progress=context.progress))

    assert refused.value.reason == f"{tmp_path}/.venv is a folder that set-up did not make"
    assert refused.value.command == f"rm -r {tmp_path}/.venv && make setup"


def test_without_ensurepip_a_user_is_told_what_to_type(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(PartError) as refused:
        packages._need_ensurepip(context)

    assert re.fullmatch(r"sudo apt-get update && sudo apt-get install python3\.\d+-venv", refused.value.command), (
        refused.value.command
    )


def test_without_go_and_the_installer_the_official_command_is_told(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PartError("pip could not download it:\nno network", "make setup")

    monkeypatch.setattr(official, "reachable", lambda: False)
    monkeypatch.setattr(golang, "unpack", refuses)
    monkeypatch.setattr(golang, "_USUAL_PLACES", ())
    monkeypatch.setenv("PATH", "/nonexistent")
    context.cache.mkdir()

    with pytest.raises(PartError) as refused:
        Pulumi().make(context)

    assert refused.value.reason.startswith(
        "the official installer can't be reached, and there is no Go to build it with"
    )
    assert refused.value.command.startswith("curl -fsSL https://get.pulumi.com | sh")


def test_a_cli_on_path_is_used_when_it_is_new_enough(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    _script(tmp_path / "pulumi-language-python", "")
    _script(tmp_path / "pulumi", "echo v3.200.0")

    Pulumi().make(context)
    assert Pulumi().record(context) == {"pulumi": str(tmp_path / "pulumi"), "language_host": None}

    _script(tmp_path / "pulumi", "echo v3.199.9")
    assert Pulumi().record(context) == {} or Pulumi().record(context)["pulumi"] != str(tmp_path / "pulumi")


def test_the_official_installer_comes_before_a_build(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def installs(python: Path, folder: Path) -> None:
        (folder / "bin").mkdir()
        for name in ("pulumi", "pulumi-language-python"):
            _script(folder / "bin" / name, "echo v3.272.0")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(official, "reachable", lambda: True)
    monkeypatch.setattr(official, "install", installs)
    context.cache.mkdir()

    Pulumi().make(context)

    version = re.search(r"^pulumi==(\S+)", (context.root / "requirements.txt").read_text(), re.MULTILINE)
    assert version
    assert Pulumi().record(context) == {
        "pulumi": str(context.cache / f"pulumi-official-{version[1]}" / "bin" / "pulumi"),
        "language_host": None,
    }


def test_an_official_installer_that_fails_is_followed_by_a_build(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise CommandFailed("cut off in the middle")

    def no_go(_: Context) -> Path:
        raise PartError("and there is no Go", "install Go")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(official, "reachable", lambda: True)
    monkeypatch.setattr(official, "install", fails)
    monkeypatch.setattr(golang, "find", no_go)
    context.cache.mkdir()

    with pytest.raises(PartError, match="and there is no Go"):
        Pulumi().make(context)

    assert not [path for path in context.cache.iterdir() if not path.name.endswith(".lock")]


def test_without_apt_and_redis_the_command_is_told(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(PartError) as refused:
        Redis().make(context)

    assert refused.value.reason == "there is no redis-server on PATH, and no apt-get to take it from"


def test_a_command_ends_with_what_it_started(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as refused:
        run(["sh", "-c", "sleep 60 & echo $! > child; wait"], cwd=tmp_path, timeout=5)

    assert str(refused.value) == "no answer within 5 s"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not runs(child), "what the command started ends with it")


def test_the_locks_name_no_registry() -> None:
    locks = [*paths.project_root().glob("requirements*.txt"), *(paths.project_root() / "tools" / "locks").glob("*.txt")]
    assert len(locks) == 9
    for lock in locks:
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_the_platform_has_none_of_the_clouds_packages() -> None:
    lock = (paths.project_root() / "requirements.txt").read_text()
    assert re.findall(r"^(pulumi[\w-]*)==", lock, re.MULTILINE) == ["pulumi"]


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)

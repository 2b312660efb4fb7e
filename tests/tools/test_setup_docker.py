"""Set-up's Docker: for those who work on Pitchbar, as root on Debian, and never installed."""

from __future__ import annotations

import io
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra import paths, toolchain
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError
from tools.provision.parts.docker import Docker
from tools.provision.progress import Progress


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """As root on Debian, with an empty cache."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "mknod", lambda *_: None)
    monkeypatch.setattr(debian, "distribution", lambda: "debian-12")
    return Context(paths.project_root(), tmp_path / "cache", dev=True, progress=Progress(io.StringIO()))


def test_only_those_want_it_who_work_on_pitchbar_as_root_on_debian(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Docker()
    assert not part.ready(context)
    assert part.ready(replace(context, dev=False))
    monkeypatch.setattr(debian, "distribution", lambda: "ubuntu-24.04")
    assert part.ready(context)
    monkeypatch.setattr(debian, "distribution", lambda: "debian-12")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert part.ready(context)
    assert part.record(context) == {}


def test_a_root_that_may_make_no_devices_goes_without(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "mknod", refuse)
    assert Docker().ready(context)


def test_what_debian_does_not_give_is_told(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[str]:
        raise CommandFailed("no route")

    monkeypatch.setattr(debian, "fetch", fail)
    with pytest.raises(PartError) as caught:
        Docker().make(context)
    assert caught.value.reason == "its packages or the base image could not be had from Debian:\nno route"
    assert not [path for path in context.cache.iterdir() if path.is_dir()], "nothing half-made stays"


def test_it_is_whole_where_it_is() -> None:
    """The programs run from the cache, and find each other there."""
    folder = toolchain.recorded().get("docker")
    if folder is None:
        assert Docker().ready(Context(paths.project_root(), toolchain.cache_home(), True, Progress(io.StringIO())))
        return
    environment = {"PATH": f"{folder}/bin", "LD_LIBRARY_PATH": f"{folder}/lib"}
    for program in ("dockerd", "docker", "containerd", "runc", "docker-init"):
        done = subprocess.run([f"{folder}/bin/{program}", "--version"], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{program}: {done.stderr}"
    assert (Path(folder) / "base.tar").stat().st_size > 50 * 1024**2

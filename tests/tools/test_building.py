"""Folders that are made once, and are whole whenever they are there."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.building import make_once, replace_link
from tests.support.processes import wait_until


def test_two_at_once_build_once(tmp_path: Path) -> None:
    built: list[Path] = []
    waited: list[str] = []
    target = tmp_path / "part"

    def build(folder: Path) -> None:
        built.append(folder)
        wait_until(lambda: waited, "the other one waits")
        (folder / "program").write_text("whole")

    threads = [
        threading.Thread(target=make_once, args=(target, build, lambda: waited.append("waited"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(built) == 1
    assert waited == ["waited"]
    assert (target / "program").read_text() == "whole"


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        make_once(tmp_path / "part", build)

    assert [path.name for path in tmp_path.iterdir()] == [".part.lock"]


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\nfrom infra.building import make_once\n"
        "def build(folder):\n    (folder / 'half').touch(); print('building', flush=True); time.sleep(60)\n"
        "make_once(pathlib.Path(sys.argv[1]), build)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, tmp_path / "part"], stdout=subprocess.PIPE, text=True)
    assert killed.stdout
    with killed.stdout as out:
        assert out.readline() == "building\n"
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert len([*tmp_path.glob(".part.new-*")]) == 1

    make_once(tmp_path / "part", lambda folder: (folder / "whole").touch())

    assert sorted(path.name for path in tmp_path.iterdir()) == [".part.lock", "part"]
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["whole"]


def test_other_users_can_enter_what_was_made(tmp_path: Path) -> None:
    make_once(tmp_path / "part", lambda folder: None)

    assert (tmp_path / "part").stat().st_mode & 0o777 == 0o755


def test_a_link_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    replace_link(link, Path("one"))
    replace_link(link, Path("two"))

    assert link.readlink() == Path("two")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]

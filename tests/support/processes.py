"""What runs on this machine, as the tests ask it: read from /proc, so that nothing has to be believed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

PATIENCE = 60.0
"""Seconds for what should happen soon. A machine may be very busy, and a wait that succeeds costs nothing."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fail with ``what`` should have happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what}"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there and is more than an entry that nobody has collected yet."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] not in ([], [b"Z"])


def kill(pid: int) -> None:
    """SIGKILL, and wait until it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not runs(pid), f"process {pid} ends when it is killed")


def pids() -> list[int]:
    """Every process of this machine."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_line(pid: int) -> str:
    """A process' command line, with spaces between the words."""
    return _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def concerning(folder: Path) -> dict[int, str]:
    """The running processes that name a folder in their command line or environment, or that work in it."""
    needle = os.fsencode(folder)
    found = {}
    for pid in pids():
        try:
            directory = os.fsencode(Path(f"/proc/{pid}/cwd").readlink())
        except OSError:
            directory = b""
        told = _read(f"/proc/{pid}/cmdline") + b"\0" + _read(f"/proc/{pid}/environ") + b"\0" + directory
        if needle in told and pid != os.getpid() and runs(pid):
            found[pid] = command_line(pid)
    return found


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    tasks = Path(f"/proc/{pid}/task")
    found = []
    with contextlib.suppress(OSError):
        for task in tasks.iterdir():
            found += [int(child) for child in _read(task / "children").split()]
    return [child for child in found if runs(child)]


@contextlib.contextmanager
def watched_command_lines() -> Iterator[set[str]]:
    """Collects the command line of every process that is seen while the block runs."""
    seen: set[str] = set()
    with again_and_again(lambda: seen.update(command_line(pid) for pid in pids())):
        yield seen


@contextlib.contextmanager
def again_and_again(action: Callable[[], object], threads: int = 1) -> Iterator[None]:
    """Does something again and again beside the block, however that ends; an exception of it fails the test."""
    done = Event()

    def repeat() -> None:
        while not done.is_set():
            action()

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(repeat) for _ in range(threads)]
        try:
            yield
        finally:
            done.set()
    for each in running:
        each.result()


def files_with(folder: Path, text: str) -> list[str]:
    """The files below a folder that hold a text; what vanishes meanwhile holds nothing."""
    needle = text.encode()
    return sorted(
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if not file.is_symlink() and file.is_file() and needle in _read(file)
    )


def _read(path: str | Path) -> bytes:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes()
    return b""

"""Ends what the plain script started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path


def stop(folder: Path) -> None:
    """End the parts in `folder` and remove it; none being there is fine.

    Their release has to lie beside it, below the same folder: by that a process is known to be one of theirs.
    """
    found = {file.name: int(file.read_text() or 0) for file in (folder / "pids").glob("*")}
    running = {name: pid for name, pid in found.items() if _is_in(pid, folder.parent)}
    for name, pid in running.items():
        _send(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(_is_in(pid, folder.parent) for pid in running.values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in running.values():
        if _is_in(pid, folder.parent):
            _send(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _is_in(pid: int, root: Path) -> bool:
    """Whether the process runs and its working folder is below `root`: another one may have got its number."""
    try:
        return pid > 0 and Path(f"/proc/{pid}/cwd").readlink().is_relative_to(root)
    except OSError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

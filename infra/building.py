"""Make a folder once, whatever happens meanwhile: two at the same time, an interruption, a power cut."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def nothing() -> None:
    """Do nothing: the default of a callback."""


@contextmanager
def exclusive(lock_file: Path, on_wait: Callable[[], None] = nothing) -> Iterator[None]:
    """Hold the lock of this file; the kernel frees it when this process ends, however it ends."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def make_once(target: Path, build: Callable[[Path], None], on_wait: Callable[[], None] = nothing) -> None:
    """Have `build` fill a new folder beside `target` and rename it into place, unless `target` is there already.

    So `target` is complete whenever it exists. What an interrupted build left is removed by the next one.
    """
    if target.exists():
        return
    with exclusive(target.parent / f".{target.name}.lock", on_wait):
        if target.exists():
            return
        for left in target.parent.glob(f".{target.name}.new-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.new-", dir=target.parent))
        try:
            folder.chmod(0o755)
            build(folder)
            folder.rename(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def replace_link(link: Path, target: Path) -> None:
    """Point a symbolic link at `target` in one step: it is never missing, never half-made."""
    new = link.with_name(f"{link.name}.new-{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)

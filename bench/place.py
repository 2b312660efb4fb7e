"""Where a bench runs: homes, data and apps of its own, which go with it, also when it is interrupted or was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bench import ending
from infra import paths

_PARENT = Path("/var/tmp")  # On disk, as an environment's data is, and its name is short enough for unix sockets.
_PREFIX = "pitchbar-bench-"
_KEPT = "PITCHBAR_CACHE_HOME"


@dataclass(frozen=True)
class Place:
    """The folders of one bench."""

    root: Path

    @property
    def apps(self) -> Path:
        """Copies of the app, one for each release."""
        return self.root / "apps"

    @property
    def plain(self) -> Path:
        """What the plain script makes."""
        return self.root / "plain"

    @property
    def empty(self) -> Path:
        """The project with one resource."""
        return self.root / "empty"


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Make the folders, point this process and its children at them, and leave nothing behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    for left in _PARENT.glob(f"{_PREFIX}*"):
        _clear_if_abandoned(left)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_PARENT))
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _point_at(root)
            yield Place(root)
        finally:
            _clear(root)


def _point_at(root: Path) -> None:
    """Forget what the user's shell says about Pulumi and Pitchbar, but for the tools; use our folders."""
    for name in [name for name in os.environ if name.startswith(("PULUMI_", "PITCHBAR_")) and name != _KEPT]:
        del os.environ[name]
    root.chmod(0o755)  # As root, PostgreSQL, Redis and Caddy run as another user.
    for name in ("home", "data", "apps", "pulumi"):
        (root / name).mkdir()
    os.environ.update(
        PITCHBAR_HOME=str(root / "home"), PITCHBAR_DATA_HOME=str(root / "data"), PULUMI_HOME=str(root / "pulumi")
    )


def _clear(root: Path) -> None:
    """End whatever runs in the folders, and remove them."""
    from infra.provider.local.supervisor import State, SupervisorResource

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        for directory in (root / "data").glob("*"):
            SupervisorResource().delete(directory.name, State(str(directory)))
        ending.stop(root / "plain")
        shutil.rmtree(root, ignore_errors=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _clear_if_abandoned(root: Path) -> None:
    """Clear the folders of a bench that was killed: the kernel has released its lock."""
    with contextlib.suppress(OSError), (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(root)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def copy_app(place: Place, name: str, *, note: str = "", broken: bool = False) -> Path:
    """A copy of the app with another content: another release. A broken one ends when its web process is loaded."""
    app = place.apps / name
    shutil.copytree(paths.project_root() / "app", app, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    with (app / "pitchbar_app" / "__init__.py").open("a", encoding="utf-8") as module:
        module.write(f"\n# {note or name}\n")
    if broken:
        with (app / "pitchbar_app" / "web" / "application.py").open("a", encoding="utf-8") as module:
            module.write('\nraise RuntimeError("this release is broken on purpose")\n')
    return app

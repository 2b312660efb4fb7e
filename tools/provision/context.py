"""What every part of set-up is given, and what a part is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools.provision.progress import Progress


class Skipped(Exception):
    """A part that another part's failure made impossible: nothing to say, because the other one says it."""


@dataclass(frozen=True)
class Context:
    """One run of set-up."""

    root: Path
    cache: Path
    dev: bool
    progress: Progress
    aws: bool = False
    """Whether to have what the target aws needs; with `dev` it is there anyway."""
    _finished: dict[str, threading.Event] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)

    @property
    def python(self) -> Path:
        """The platform's Python, once the part `Python packages` is ready."""
        return self.root / ".venv" / "bin" / "python"

    def announce(self, name: str) -> None:
        """Promise that a part will end, so that others can wait for it."""
        self._finished[name] = threading.Event()

    def finish(self, name: str, *, failed: bool) -> None:
        """Say that a part has ended."""
        if failed:
            self._failed.add(name)
        self._finished[name].set()

    def wait_for(self, name: str) -> None:
        """Wait until a part is ready; raise `Skipped` if it failed."""
        if name in self._finished:
            self._finished[name].wait()
        if name in self._failed:
            raise Skipped(name)

    def waiting(self, name: str) -> None:
        """Say that another set-up is making the same part."""
        self.progress.say(name, "another set-up is making it; waiting for that")


class Part(Protocol):
    """One thing that set-up makes. Parts run at the same time and wait for each other where they must."""

    @property
    def name(self) -> str:
        """What set-up and its users call it."""

    def ready(self, context: Context) -> bool:
        """Whether there is nothing to do; quick, because every `make up` asks it."""

    def make(self, context: Context) -> None:
        """Make it. Raises `PartError` when it can't be had."""

    def record(self, context: Context) -> Mapping[str, str | None]:
        """What to tell `infra.toolchain`, once it is ready."""

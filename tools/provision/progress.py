"""Tells people what set-up is doing: a line when a part starts, one when it is done, and signs of life in between."""

from __future__ import annotations

import io
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

_QUIET_SECONDS = 15.0
"""How long a log, which is no terminal, may stay without a line."""
_BLINK_SECONDS = 0.5


class Progress:
    """A board of running parts, used from several threads. Use it as a context manager."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to `out`, by default standard error, so that standard output stays the command's own."""
        self._out: TextIO = out or sys.stderr
        self._terminal = self._out.isatty()
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, float]] = {}
        self._last_line = time.monotonic()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._heart.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._heart.join()

    def start(self, part: str, what: str) -> None:
        """Say that a part has begun."""
        self._running[part] = (what, time.monotonic())
        self._line(f"  ...  {part}: {what}")

    def say(self, part: str, what: str) -> None:
        """Say what a running part does now."""
        _, since = self._running.get(part, ("", time.monotonic()))
        self._running[part] = (what, since)
        self._line(f"  ...  {part}: {what}")

    def done(self, part: str) -> None:
        """Say that a part is ready, and how long it took."""
        self._line(f"  ok   {part} ({self._seconds(part):.1f} s)")
        self._running.pop(part, None)

    def failed(self, part: str) -> None:
        """Say that a part is not to be had; the reasons follow at the end, all together."""
        self._line(f"  FAIL {part} ({self._seconds(part):.1f} s)")
        self._running.pop(part, None)

    def silence(self) -> None:
        """Say nothing more: set-up was interrupted, and what fails now fails because of that."""
        self._out = io.StringIO()

    def _seconds(self, part: str) -> float:
        return time.monotonic() - self._running.get(part, ("", time.monotonic()))[1]

    def _line(self, text: str) -> None:
        with self._lock:
            clear = "\r\x1b[K" if self._terminal else ""
            self._out.write(f"{clear}{text}\n")
            self._out.flush()
            self._last_line = time.monotonic()

    def _beat(self) -> None:
        while not self._ended.wait(_BLINK_SECONDS):
            running = ", ".join(
                f"{part} {time.monotonic() - since:.0f} s" for part, (_, since) in [*self._running.items()]
            )
            if not running:
                continue
            if not self._terminal and time.monotonic() - self._last_line >= _QUIET_SECONDS:
                self._line(f"  ...  still at it: {running}")
            elif self._terminal:
                with self._lock:
                    self._out.write(f"\r\x1b[K  ...  {running}"[:160])
                    self._out.flush()
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

"""The one place that runs the Pulumi CLI."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO, TextIO

from infra import paths
from infra.errors import UserError
from infra.ops.environment import engine_environment
from infra.ops.stacks import Stack

__all__ = ["EngineError", "Outcome", "capture", "engine_environment", "run"]

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FROM_KERNEL = 0x80
_TAIL = 8 * 1024


class EngineError(UserError):
    """The CLI refused a short command; the text is its own words."""


@dataclass(frozen=True)
class Outcome:
    """How a run of the CLI ended: its exit code, the end of what it said on stderr, and whether it was interrupted."""

    code: int
    last_words: str
    interrupted: bool


def run(
    stack: Stack, arguments: Sequence[str], *, output: TextIO | None = None, extra: Mapping[str, str] | None = None
) -> Outcome:
    """Run the CLI before people's eyes: on a terminal with its live display and its questions, else line by line.

    Its stdout goes to `output` (ours by default). An interrupt is passed on, and waited for, so that the engine can
    end its steps and write its state.
    """
    stream = output or sys.stdout
    stream.flush()
    on_terminal = sys.stdin.isatty() and stream.isatty()
    with _signals_held() as received:
        process = subprocess.Popen(
            _command(arguments if on_terminal else [*arguments, "--non-interactive"]),
            cwd=paths.project_root(),
            env={**engine_environment(stack), **(extra or {})},
            stdin=None if on_terminal else subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.PIPE,
            # Away from a terminal, only we pass signals on; on one, its driver sends Ctrl-C to both of us.
            process_group=None if on_terminal else 0,
            preexec_fn=_release_signals,
        )
        assert process.stderr is not None
        tail = _Tail(process.stderr, sys.stderr)
        interrupted = False
        while process.poll() is None:
            info = signal.sigtimedwait(received, 1.0)
            if info is None or info.si_signo == signal.SIGCHLD:
                continue
            interrupted = True
            if not (on_terminal and info.si_code == _FROM_KERNEL):
                process.send_signal(signal.SIGINT)
    return Outcome(process.returncode, tail.text(), interrupted)


def capture(stack: Stack, arguments: Sequence[str], *, extra: Mapping[str, str] | None = None) -> str:
    """Run a short command of the CLI and return what it prints. Raises `EngineError` with its own words."""
    finished = subprocess.run(
        _command([*arguments, "--non-interactive"]),
        cwd=paths.project_root(),
        env={**engine_environment(stack), **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        said = own_words(finished.stderr) or f"it ended with exit code {finished.returncode}"
        raise EngineError(f"`pulumi {shlex.join(arguments)}` failed: {said}")
    return finished.stdout


def own_words(stderr: str) -> str:
    """What the CLI said on stderr, without its prefix and its repeated warnings."""
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip() and not line.startswith("warning: ")]
    return "\n".join(lines).removeprefix("error: ")


def _command(arguments: Sequence[str]) -> list[str]:
    from infra.toolchain import locate

    return [str(locate().pulumi), *arguments]


@contextlib.contextmanager
def _signals_held() -> Iterator[set[signal.Signals]]:
    """Hold back the signals that are to be passed on, and the one that says that a child has ended."""
    held = {*_FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield held
    finally:
        while signal.sigtimedwait(held, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_FORWARDED, signal.SIGCHLD})


class _Tail:
    """Copies a stream as it comes and remembers its end."""

    def __init__(self, source: IO[bytes], target: TextIO) -> None:
        self._kept = bytearray()
        self._source = source
        self._target: BinaryIO | None = getattr(target, "buffer", None)
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(timeout=2)
        return self._kept.decode(errors="replace")

    def _copy(self) -> None:
        while chunk := os.read(self._source.fileno(), 65536):
            self._kept = (self._kept + chunk)[-_TAIL:]
            if self._target:
                self._target.write(chunk)
                self._target.flush()

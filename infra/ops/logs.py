"""`pitchbar logs`: what the processes of an environment of the local target wrote."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from infra import paths
from infra.errors import UserError
from infra.ops import stacks
from infra.ops.typed import typed

_POLL_SECONDS = 0.2
_CHUNK = 64 * 1024
_FILE = re.compile(r"(?P<process>.+)\.log")
_GENERATION = re.compile(r"(?P<program>[a-z]+)(-[0-9a-f]{8})?(-\d+)?")


@dataclass
class _Followed:
    path: Path
    stream: BinaryIO
    partial: bytes = field(default=b"")


def files(stack: str, process: str | None = None) -> dict[str, Path]:
    """The log of each process, the one that wrote last at the end.

    `process` is a process (`app-1f0c3a52-0`) or what it belongs to (`app`). Raises `UserError` listing what there is.
    """
    stacks.must_be_here(stack)
    folder = paths.environment_dir(stack) / "logs"
    found = {match["process"]: path for path in _by_age(folder) if (match := _FILE.fullmatch(path.name))}
    if not found:
        raise UserError(
            f"Stack {stack} has no logs on this machine, so it is not up. To bring it up: {typed(f'up -s {stack}')}"
        )
    if process is None:
        return found
    chosen = {
        name: path for name, path in found.items() if process in (name, program_of(name), name.rpartition("-")[0])
    }
    if not chosen:
        names = sorted({program_of(name) for name in found} | set(found))
        raise UserError(f"Stack {stack} has no process {process!r}. It has: {', '.join(names)}.")
    return chosen


def program_of(process: str) -> str:
    """What a process belongs to: `app` for `app-1f0c3a52-0`, `postgres` for `postgres-0`."""
    match = _GENERATION.fullmatch(process)
    return match["program"] if match else process


def last_lines(path: Path, count: int) -> tuple[list[str], int]:
    """The last lines of a file, read from its end, and the position behind them."""
    with path.open("rb") as stream:
        end = position = stream.seek(0, os.SEEK_END)
        tail = b""
        while position > 0 and tail.count(b"\n") <= count:
            step = min(_CHUNK, position)
            position = stream.seek(position - step)
            tail = stream.read(step) + tail
    return tail.decode(errors="replace").splitlines()[-count:] if count > 0 else [], end


def follow(find: Callable[[], dict[str, Path]], positions: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """New lines with their process as they come, from these positions on; never ends.

    Processes that appear later are followed from their first line.
    """
    followed: dict[str, _Followed] = {}
    while True:
        for name, path in find().items():
            if name not in followed:
                with contextlib.suppress(FileNotFoundError):  # it is being rotated, and back in a moment
                    followed[name] = _open(path, positions.get(name, 0))
        for name, source in followed.items():
            for line in _new_lines(source):
                yield name, line
        time.sleep(_POLL_SECONDS)


def _open(path: Path, position: int) -> _Followed:
    stream = path.open("rb")
    stream.seek(position)
    return _Followed(path, stream)


def _new_lines(source: _Followed) -> Iterator[str]:
    data = source.partial + source.stream.read()
    *lines, source.partial = data.split(b"\n")
    yield from (line.decode(errors="replace") for line in lines)
    try:
        now = source.path.stat()
    except FileNotFoundError:
        return
    before = os.fstat(source.stream.fileno())
    if not os.path.samestat(now, before) or now.st_size < source.stream.tell():  # rotated or cut
        source.stream.close()
        source.stream = source.path.open("rb")


def _by_age(folder: Path) -> list[Path]:
    ages: dict[Path, float] = {}
    for path in folder.glob("*.log"):
        with contextlib.suppress(FileNotFoundError):
            ages[path] = path.stat().st_mtime
    return sorted(ages, key=lambda path: (ages[path], path.name))

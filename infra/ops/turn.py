"""One command at a time on a stack: the next one waits in line and says for whom."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from infra.errors import UserError
from infra.ops.console import Console
from infra.ops.stacks import make_home

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def turn(stack: str, command: str, console: Console, *, wait: bool = True) -> Iterator[None]:
    """Hold the stack's turn. Raises `UserError` without `wait` when another command has it."""
    file = make_home() / f"{stack}.lock"
    descriptor = _acquired(file, stack, console, wait)
    try:
        holder = {"pid": os.getpid(), "command": command, "since": time.strftime("%H:%M:%S")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def _acquired(file: Path, stack: str, console: Console, wait: bool) -> int:
    told = False
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            if not wait:
                raise UserError(
                    f"Stack {stack} is busy: {holder}. Repeat the command when that has ended, or without --no-wait."
                ) from None
            if not told:
                console.say(f"Waiting for stack {stack}: {holder}.")
                told = True
            time.sleep(_POLL_SECONDS)
            continue
        if _is_still(file, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(file: Path, descriptor: int) -> bool:
    """Whether the locked file is the one of that name, and not one that its last holder has removed."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"`{holder['command']}` (pid {holder['pid']}) has worked on it since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another command has just begun to work on it"

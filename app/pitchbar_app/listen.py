"""Opens the address that a server listens on: `unix:/path.sock` or `127.0.0.1:8000`.

The socket is bound and listening before the slow imports, so that a client that connects while the process starts
waits in the queue and is served, instead of being refused.

A unix socket is made under another name and renamed into place: a stale file is replaced without a gap. Its mode is
0666, because the gateway may run as another user; the folder around it decides who can reach it.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

BACKLOG = 2048
_LONGEST = 107


class ListenError(Exception):
    """The address cannot be listened on; the text says why and what to do."""


@contextlib.contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A listening socket on the address; a unix socket's file is removed at the end if it is still this one."""
    if not address.startswith("unix:"):
        with _tcp(address) as server:
            yield server
        return
    path = Path(address.removeprefix("unix:"))
    with _unix(path) as server:
        mine = _identity(path)
        try:
            yield server
        finally:
            if _identity(path) == mine:
                path.unlink(missing_ok=True)


def _tcp(address: str) -> socket.socket:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([^\s:\[\]]+)):(\d{1,5})", address)
    if match is None or int(match[3]) > 65535:
        raise ListenError(f"--listen {address} is not an address: give unix:/path.sock or 127.0.0.1:PORT.")
    host, port = match[1] or match[2], int(match[3])
    server = socket.socket(socket.AF_INET6 if match[1] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(BACKLOG)
    except OSError as error:
        server.close()
        raise ListenError(f"Cannot listen on {address}: {_reason(error)}. Choose another address.") from error
    return server


def _unix(path: Path) -> socket.socket:
    temporary = path.with_name(f".{os.getpid()}")
    if not path.is_absolute() or len(os.fsencode(path)) > _LONGEST or len(os.fsencode(temporary)) > _LONGEST:
        raise ListenError(f"--listen unix:{path} must be an absolute path of at most {_LONGEST} bytes.")
    if path.exists() and not path.is_socket():
        raise ListenError(f"Cannot listen on unix:{path}: a file that is not a socket is there. Remove it first.")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        temporary.unlink(missing_ok=True)
        server.bind(str(temporary))
        temporary.chmod(0o666)
        server.listen(BACKLOG)
        temporary.replace(path)
    except OSError as error:
        server.close()
        why = f"{_reason(error)}. Is its folder there and writable?"
        raise ListenError(f"Cannot listen on unix:{path}: {why}") from error
    return server


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

"""A program's process that was started before the engine, and serves the first language host that comes.

The host gives it over a unix socket what it would have inherited (output, answer pipe, environment), and the request.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import NoReturn

from infra.lifeline import end_when_closed, end_with
from tools.language_host import program

_SOCKET = "program.sock"
_LENGTH = struct.Struct("!Q")


class Ahead:
    """The host's side: the process that waits, taken by its one connection."""

    def __init__(self, connection: socket.socket) -> None:
        """Of this connection."""
        self._connection = connection

    def run(self, request: bytes) -> bytes:
        """Run one program; the answer is empty if the process ended without one."""
        reading, writing = os.pipe()
        with self._connection, os.fdopen(reading, "rb") as answer:
            try:
                socket.send_fds(self._connection, [b"\0"], [1, 2, writing])
                head = json.dumps({"host": os.getpid(), "environment": dict(os.environ)}).encode()
                self._connection.sendall(_LENGTH.pack(len(head)) + head + request)
                self._connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                os.close(writing)
            return answer.read()

    def stop(self) -> None:
        """Nothing is to be done: the host ends now, and the process with it."""


def taken() -> Ahead | None:
    """The process that waits for this host's command; None where there is none, or it has been taken."""
    folder = os.environ.get("PITCHBAR_AHEAD")
    if not folder:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(Path(folder, _SOCKET)))
    except OSError:
        connection.close()
        return None
    return Ahead(connection)


def serve(listener: int) -> NoReturn:
    """Wait on this descriptor for a host, run its program, and end this process, which has imported pulumi."""
    end_when_closed(int(os.environ.pop("PITCHBAR_LIFELINE")))
    with socket.socket(fileno=listener) as waiting:
        connection, _ = waiting.accept()
    with connection:
        _, (output, errors, answer), _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as stream:
            head = json.loads(stream.read(_LENGTH.unpack(stream.read(_LENGTH.size))[0]))
            request = stream.read()
    end_with(head["host"])
    os.environ.clear()
    os.environ.update(head["environment"])
    for name in ("PITCHBAR_ENGINE", "PITCHBAR_AHEAD"):
        os.environ.pop(name, None)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    program.serve(request, answer)

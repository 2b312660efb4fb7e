"""A Python language host for the Pulumi CLI, for a machine where the official one is not to be had.

The engine starts it, reads a port from its first line of output, and asks it over gRPC to run the program. Each run has
a new process, which was started beforehand and has imported pulumi by then: the engine need not wait for that.

What it does not do, and the official host does: install dependencies (set-up has done that), list the packages whose
plugins the CLI should fetch (there are none to fetch: Pulumi.yaml names the plugins), choose another Python (it is
always the `.venv` of this checkout), run Python plugins, generate code or SDKs, and attach a debugger.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

from infra.lifeline import end_with

_SERVICE = "pulumirpc.LanguageRuntime"
_NOTHING = b""
"""An empty message of any type, as gRPC sends it."""


class Runner:
    """A process that has imported pulumi and waits for the request to run a program."""

    def __init__(self) -> None:
        """Start it; it inherits standard output and error, so what the program prints is shown as it is printed."""
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tools.language_host.program", str(writing)],
            stdin=subprocess.PIPE,
            pass_fds=(writing,),
            process_group=0,  # A Ctrl-C at the terminal is for the engine to answer.
            env={**os.environ, "PITCHBAR_HOST": str(os.getpid())},
        )
        os.close(writing)
        self._answer = os.fdopen(reading, "rb")

    def run(self, request: bytes) -> bytes:
        """Run one program; the answer is empty if the process ended without one."""
        assert self._process.stdin
        with self._process, self._answer, self._process.stdin as stdin:
            try:
                stdin.write(request)
                stdin.close()
            except BrokenPipeError:
                pass  # It ended before it read the request; its exit code tells more than this.
            return self._answer.read() or _ended_without_answer(self._process.wait())

    def stop(self) -> None:
        """End it, whatever it does."""
        self._process.kill()


class LanguageHost:
    """The service's methods, on messages as they travel: only the runner's process needs to know what is in them."""

    def __init__(self) -> None:
        """Start the first runner."""
        self._waiting: Runner | None = Runner()
        self._current: Runner | None = self._waiting
        self._lock = threading.Lock()

    def run(self, request: bytes, context: object) -> bytes:
        """Run the program."""
        with self._lock:
            runner, self._waiting = self._waiting or Runner(), None
            self._current = runner
        return runner.run(request)

    def stop(self) -> None:
        """End the running program."""
        if self._current:
            self._current.stop()


def nothing(request: bytes, context: object) -> bytes:
    """Answer a question that this host has nothing to say to."""
    return _NOTHING


def nothing_to_stream(request: bytes, context: object) -> Iterator[bytes]:
    """Answer with an empty stream."""
    return iter(())


def serve() -> None:
    """Serve until the engine says to stop, or ends."""
    end_with(int(os.environ["PITCHBAR_ENGINE"]))
    host = LanguageHost()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop(host))
    import grpc  # Only now: the runner's imports have a core of their own meanwhile.

    unary = {
        "Handshake": nothing,
        "GetPluginInfo": nothing,
        "GetRequiredPackages": nothing,
        "Cancel": nothing,
        "Run": host.run,
    }
    handlers: dict[str, Any] = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in unary.items()}
    handlers["InstallDependencies"] = grpc.unary_stream_rpc_method_handler(nothing_to_stream)
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def _stop(host: LanguageHost) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        host.stop()
        os._exit(0)

    return stop


def _ended_without_answer(code: int) -> bytes:
    """A RunResponse whose first field, `error`, says so; written by hand because pulumi is not imported here."""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    message = f"the program's process ended by itself with {how}".encode()
    return b"\x0a" + bytes([len(message)]) + message


if __name__ == "__main__":
    serve()

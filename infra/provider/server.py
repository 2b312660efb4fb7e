"""Serves the plugin over gRPC, as the engine expects of an executable named ``pulumi-resource-pitchbar``.

Two things that the library's own server lacks are added: errors meant for people are sent without a traceback, and
the plugin ends when the engine that started it is gone, also when that was killed with SIGKILL.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from infra.errors import UserError, of_system
from infra.lifeline import end_with
from infra.paths import settle_umask
from infra.provider.plugin import PitchbarProvider

VERSION = "0.1.0"
_EFFECTS = ("Check", "Diff", "Create", "Read", "Update", "Delete")

Handler = Callable[[Any, Any, Any], Awaitable[Any]]


class Servicer(ProviderServicer):
    """The library's servicer whose errors for people are one message, and nothing else."""


def _for_people(error: Exception) -> UserError | None:
    """What the library has wrapped, or the error itself, where it has words for people."""
    for cause in (error.__context__, error):
        if isinstance(cause, OSError):
            cause = of_system(cause)
        if isinstance(cause, UserError):
            return cause
    return None


def _without_traceback(handler: Handler) -> Handler:
    async def handle(self: Servicer, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await handler(self, request, context)
        except Exception as error:
            told = _for_people(error)
            if told:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(told))
            raise

    return handle


for _name in _EFFECTS:
    setattr(Servicer, _name, _without_traceback(getattr(ProviderServicer, _name)))


async def serve(engine: str) -> None:
    """Serve until the engine ends; the chosen port is the first line on standard output."""
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(sys.argv[1:], VERSION, PitchbarProvider(), engine_address=engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    """Run the plugin. The engine passes its address as the first argument that is no option.

    Effects still running when it ends belong to an update that nobody waits for; their commands end with it (see
    local/run.py).
    """
    end_with(os.getppid())
    settle_umask()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    engine = next(argument for argument in sys.argv[1:] if not argument.startswith("-"))
    asyncio.run(serve(engine))

"""The command line of one process, from the templates of its runtime profile."""

from __future__ import annotations

from collections.abc import Sequence

from infra.kinds import fill
from infra.model import Commands, Runtime


def command_line(
    commands: Commands,
    runtime: Runtime,
    *,
    listen: str = "",
    host: str = "127.0.0.1",
    port: int | str = 0,
    queues: Sequence[str] = (),
) -> tuple[str, ...]:
    """Choose the profile's command and fill `{listen}`, `{host}`, `{port}` and `{queues}`.

    `listen` is `unix:/path.sock` or `ADDRESS:PORT`; left out, it is `host:port`.
    """
    values = {"listen": listen or f"{host}:{port}", "host": host, "port": str(port), "queues": ",".join(queues)}
    template = commands.bundled if runtime == "bundled" else commands.laravel
    return tuple(fill(word, values) for word in template)

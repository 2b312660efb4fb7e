"""The ports and secrets of one start of the plain script."""

from __future__ import annotations

import base64
import contextlib
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra import wiring

_TOKENS = ("key", "admin", "database", "redis", "queue", "realtime", "realtime_secret")


@dataclass(frozen=True)
class Numbers:
    """The ports and secrets of one start."""

    postgres: int
    redis: int
    gateway: int
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def app_url(self) -> str:
        """Where visitors reach the app."""
        return f"http://app.plain.localhost:{self.gateway}"

    def environment(self, process: str) -> dict[str, str]:
        """What a process of the app is told, as the local target tells it."""
        known, port = self.secrets, str(self.gateway)
        database = wiring.Database("127.0.0.1", str(self.postgres), "app", "app", known["database"])
        keys = wiring.Keys(
            app_key=known["key"],
            app_previous_keys="",
            admin_password=known["admin"],
            queue_token=known["queue"],
            queue_token_previous="",
            realtime_key=known["realtime"],
            realtime_secret=known["realtime_secret"],
        )
        app, widget = self.app_url, f"http://cdn.plain.localhost:{port}/widget/widget.js"
        return {
            **wiring.release_variables("local", "plain"),
            **wiring.database_variables(database),
            **wiring.cache_variables(wiring.Cache("127.0.0.1", str(self.redis), known["redis"])),
            **wiring.key_variables(keys),
            **wiring.address_variables(wiring.Address(app, widget, "http", "realtime.plain.localhost", port)),
            "APP_PROCESS": process,
            "STOP_TIMEOUT": "30",
            "QUEUES": "crawl,index,default",
        }


def found() -> Numbers:
    """Free ports and new secrets."""
    tokens = {name: secrets.token_hex(32) for name in _TOKENS}
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return Numbers(*_three_free_ports(), {**tokens, "key": f"base64:{key}"})


def _three_free_ports() -> tuple[int, int, int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(3)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        first, second, third = (int(probe.getsockname()[1]) for probe in probes)
        return first, second, third

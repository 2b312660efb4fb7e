"""The Lua scripts that keep what the realtime servers know together: each runs as one step inside Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """Runs the scripts in the name of one process."""

    def __init__(self, client: Redis, app_id: str, node: str) -> None:
        self._client = client
        self._prefix = prefix(app_id)
        self._node = node
        self._common = (FOLDER / "common.lua").read_text(encoding="utf-8")
        self._loaded: dict[str, AsyncScript] = {}

    async def run(self, name: str, *arguments: str | int) -> Any:
        """Run the script of this name."""
        script = self._loaded.get(name)
        if script is None:
            text = self._common + (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
            script = self._loaded[name] = self._client.register_script(text)
        return await script(keys=[self._prefix], args=[self._node, *arguments])


def prefix(app_id: str) -> str:
    """What every key begins with."""
    return f"pitchbar:realtime:{{{app_id}}}"


def members_topic(app_id: str) -> str:
    """The Redis channel that tells every process about members."""
    return f"{prefix(app_id)}:members"


def node_topic(app_id: str, node: str) -> str:
    """The Redis channel of one process."""
    return f"{prefix(app_id)}:node:{node}"

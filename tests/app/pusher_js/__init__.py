"""pusher-js, the client that browsers use, driven from Python."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra import toolchain
from infra.building import make_once
from tests.support.processes import PATIENCE

HERE = Path(__file__).parent
NPM = "lib/node_modules/npm/bin/npm-cli.js"


class Driver:
    """Some pusher-js clients in one process of Node.js."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._unread: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def do(self, run: str, client: str, **options: Any) -> None:
        """Have a client do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"run": run, "client": client, **options}) + "\n")
        self._process.stdin.flush()

    def wait_for(self, client: str, what: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next time that this happens to the client."""
        deadline = time.monotonic() + seconds
        while True:
            for message in self._unread:
                if (message["client"], message["what"]) == (client, what):
                    self._unread.remove(message)
                    return message
            try:
                self._unread.append(self._said.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{client} never said {what!r}, but {self._unread}") from None

    def unread(self, client: str, seconds: float = 0.3) -> list[str]:
        """What else happened to the client."""
        time.sleep(seconds)
        while not self._said.empty():
            self._unread.append(self._said.get())
        return [message["what"] for message in self._unread if message["client"] == client]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))


@contextlib.contextmanager
def driver() -> Iterator[Driver]:
    """A driver whose process ends with the block."""
    command = [str(_node()), str(HERE / "driver.mjs"), str(_packages())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Driver(process)
        finally:
            process.kill()


def _node() -> Path:
    found = toolchain.recorded().get("node") or shutil.which("node")
    assert found, "These tests need Node.js 20 or newer. To get it, type: make setup-dev"
    return Path(found)


def _packages() -> Path:
    """The folder that holds pusher-js as its lock file has it; made once, kept in the cache."""
    lock = HERE / "package-lock.json"
    folder = toolchain.cache_home() / f"pusher-js-{sha256(lock.read_bytes()).hexdigest()[:12]}"

    def install(new: Path) -> None:
        new.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", lock.name):
            shutil.copy(HERE / name, new)
        npm = _node().parent.parent / NPM
        command = [str(_node()), str(npm)] if npm.exists() else ["npm"]
        path = f"{_node().parent}{os.pathsep}{os.environ['PATH']}"
        options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*command, *options], cwd=new, check=True, env=os.environ | {"PATH": path}, timeout=120)

    make_once(folder, install)
    return folder

"""Jobs that do nothing: by the app's worker, which never loses one, and by the worker that comes with RQ."""

from __future__ import annotations

import subprocess

from bench.servers import INSIDE, Servers
from infra.errors import UserError

COUNT = 500


def ours(servers: Servers) -> float:
    """Seconds that one worker of the app takes for `COUNT` jobs."""
    worker = servers.app.start("worker", QUEUES="ours", PYTHONPATH=str(INSIDE))
    try:
        return _timed(servers, "ours")
    finally:
        worker.stop()


def plain(servers: Servers) -> float:
    """Seconds that one worker of RQ takes for them."""
    with servers.running("chores_of_bench.py", "plain", "plain"):
        return _timed(servers, "plain")


def _timed(servers: Servers, queue: str) -> float:
    servers.redis.execute("FLUSHDB")
    command = servers.inside("chores_of_bench.py", "time", queue, str(COUNT))
    done = subprocess.run(command, env=servers.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"The jobs of the bench were not done: {done.stderr}")
    return float(done.stdout)

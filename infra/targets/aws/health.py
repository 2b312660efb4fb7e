"""How ECS asks a container whether it is well."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.model import Process, Runtime, Served

READY = "/tmp/ready"
HEARTBEAT = "/tmp/worker"
"""Where the worker leaves its signs of life."""

_LONGEST_START = 300


@dataclass(frozen=True, kw_only=True)
class Question:
    """A line for the shell, and when it is asked. Times in seconds."""

    line: str
    interval: int
    timeout: int
    retries: int = 3


def question(process: Process, runtime: Runtime) -> Question:
    """What the container of a process is asked.

    A process that listens must have been *ready* once, which includes Postgres and Redis: until then its task counts
    as neither deployed nor healthy. From then on it only has to live, which the load balancer asks (``health_path``): a
    database that is away for a minute must not make ECS replace every task. The worker is asked for its sign of life.
    """
    if not isinstance(process, Served):
        return _LIVES[runtime]
    asked = _READY[runtime]
    url = f"http://127.0.0.1:{process.port}{process.ready_path}"
    line = f"test -e {READY} || {{ {asked.line.format(url=url)} && touch {READY}; }}"
    return Question(line=line, interval=asked.interval, timeout=asked.timeout, retries=asked.retries)


def health_check(asked: Question, deadline: int) -> dict[str, Any]:
    """The question as ECS reads it; no answer counts as bad before ``deadline``, the first good one counts at once."""
    return {
        "command": ["CMD-SHELL", asked.line],
        "interval": asked.interval,
        "timeout": asked.timeout,
        "retries": asked.retries,
        "startPeriod": min(deadline, _LONGEST_START),
    }


_READY: Mapping[Runtime, Question] = {
    "bundled": Question(line="python -m pitchbar_app healthy {url}", interval=5, timeout=5),
    "laravel": Question(line="curl --fail --silent --output /dev/null {url}", interval=5, timeout=5),
}
# Each `artisan` starts the whole framework.
_LIVES: Mapping[Runtime, Question] = {
    "bundled": Question(line="python -m pitchbar_app healthy worker", interval=10, timeout=5),
    "laravel": Question(line="php artisan horizon:status", interval=30, timeout=15),
}

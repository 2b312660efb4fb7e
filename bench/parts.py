"""What is measured without an environment: jobs, web requests and fan-out, each beside what it is compared with."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import jobs, realtime, web
from bench.figures import Measure, Ratio
from bench.servers import Servers, servers
from infra.errors import UserError

_CONNECTIONS = 500
_EVENTS = 10
_TITLES = {
    "jobs": ("jobs by the app's worker", jobs.COUNT),
    "plain jobs": ("the same by RQ's own worker", jobs.COUNT),
    "up": ("web requests: the app's /up", web.PAGES),
    "hello": ("the framework's hello world", web.PAGES),
    "answers": ("web requests: answers", web.ANSWERS),
    "realtime": (f"event to {_CONNECTIONS} connections, p95", 0),
}
"""What each is called, and how many things its seconds are for."""


@dataclass
class Parts:
    """The seconds measured so far by key."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, runs: int, say: Callable[[int, str], None]) -> None:
        """Measure everything so often. Which of a pair is first changes from run to run."""
        with servers() as made, ExitStack() as ends:
            say(1, "making ready")
            app, hello = ends.enter_context(web.app(made)), ends.enter_context(web.hello(made))
            up = ("up", lambda: web.timed(app, web.page("/up"), web.PAGES))
            plain = ("hello", lambda: web.timed(hello, web.page("/hello"), web.PAGES))
            for number in range(runs):
                say(number + 1, "web requests")
                self._pair(number, up, plain)
                self._time("answers", web.timed(app, web.questions(), web.ANSWERS))
        with servers() as made:
            for number in range(runs):
                say(number + 1, "jobs")
                self._pair(number, *_workers(made))
        for number in range(runs):
            say(number + 1, "fan-out")
            self._time("realtime", _fan_out())

    def measures(self) -> dict[str, Measure]:
        """Everything that was measured, in the order of the table."""
        goals = {"realtime": realtime.GOAL}
        return {
            key: Measure(key, title, tuple(self.seconds[key]), goals.get(key), count)
            for key, (title, count) in _TITLES.items()
            if key in self.seconds
        }

    def ratios(self) -> list[Ratio]:
        """The pairs."""
        found = self.measures()
        return [
            Ratio("jobs", "jobs: the app's worker ÷ RQ's own", found["jobs"], found["plain jobs"], 1.25),
            Ratio("up", "requests: the app's /up ÷ hello world", found["up"], found["hello"], 2.0),
            Ratio("answers", "requests: answers ÷ hello world", found["answers"], found["hello"], None),
        ]

    def _pair(self, number: int, *pair: tuple[str, Callable[[], float]]) -> None:
        for key, measure in pair if number % 2 == 0 else reversed(pair):
            self._time(key, measure())

    def _time(self, key: str, seconds: float) -> None:
        self.seconds[key].append(seconds)


def _workers(made: Servers) -> tuple[tuple[str, Callable[[], float]], ...]:
    return ("jobs", lambda: jobs.ours(made)), ("plain jobs", lambda: jobs.plain(made))


def _fan_out() -> float:
    """The 95th percentile of the seconds from sending an event until a client has it. Raises `UserError` for a loss."""
    with realtime.servers(2) as nodes:
        took = sorted(asyncio.run(realtime.measure(nodes, _CONNECTIONS, _EVENTS)).took)
    if len(took) != _CONNECTIONS * _EVENTS:
        raise UserError(f"Only {len(took)} of {_CONNECTIONS * _EVENTS} events arrived.")
    return took[int(len(took) * 0.95)]

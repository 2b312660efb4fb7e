"""What is measured in one run: a cold `up` and a no-op, each beside its base, then releases, kills and `down`."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import ending
from bench.backups import Backups
from bench.commands import STACK, app_environment, bare_environment, must, pitchbar, pulumi, run, tail
from bench.empty import Empty
from bench.figures import Measure, Ratio
from bench.killing import Killing
from bench.place import Place, copy_app
from infra import app_environment as dependencies
from infra.endpoints import CheckFailed, http_get, url_endpoint
from infra.errors import UserError
from infra.release.content import LOCK

_LOOK_SECONDS = 0.02
_NOOPS = 3
"""No-op pairs in each run: they are short, so a neighbour's work disturbs one of the two more easily."""

GOALS = {"cold": 10.0, "served": 5.0, "rollback": 5.0, "down": 3.0, "killed": 2.0}
TITLES = {
    "cold": "cold `pitchbar up`, verified",
    "plain": "the same parts by a plain script",
    "noop": "no-op `pulumi up`",
    "empty": "no-op `pulumi up` of an empty program",
    "checked": "no-op `pitchbar up`: with refresh, verified",
    "served": "release: app changed to served",
    "release": "release: the whole command, verified",
    "refused": "broken release: until it is refused",
    "rollback": "rollback: until the release before serves",
    "backup": "`pitchbar backup`, verified",
    "plain backup": "pg_basebackup and pg_verifybackup",
    "restore": "`pitchbar restore --to latest`",
    "plain restore": "a server on a copy of the base backup",
    "killed": "killed process back, the slowest kind",
    "down": "`pitchbar down`",
}


@dataclass
class Bench:
    """One bench: its folders, and the seconds measured so far by key."""

    place: Place
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def prepare(self) -> None:
        """Make what is not measured: copies of the app, their dependencies, the empty project."""
        self.first = copy_app(self.place, "first")
        self.second = copy_app(self.place, "second")
        self.broken = copy_app(self.place, "broken", broken=True)
        self.python = dependencies.ensure(self.first / LOCK)
        self.empty = Empty(self.place.empty)
        self.empty.make()
        # Compiled beforehand, as the release that the plain script starts would be.
        dependencies.compile_bytecode(self.first)

    def run(self, number: int, say: Callable[[str], None]) -> None:
        """Measure everything once. Which of a pair is first changes from run to run."""
        pair = (self._plain, self._cold) if number % 2 == 0 else (self._cold, self._plain)
        for one in pair:
            os.sync()  # What was written and removed before is not to be paid for by the next.
            say(TITLES["plain" if one == self._plain else "cold"])
            one()
        say("no-op")
        for turn in range(number, number + _NOOPS):
            for idle in (self._empty, self._noop) if turn % 2 == 0 else (self._noop, self._empty):
                idle()
        self._checked()
        say("backup and restore")
        self._back_up(number)
        say("release, broken release, rollback")
        self._release("served", "release", self.second)
        self._refused()
        self._release("rollback", None, self.first)
        say("kills")
        self._kill()
        say("down")
        self._time("down", must(pitchbar("down", "--yes")).seconds)

    def measures(self) -> dict[str, Measure]:
        """Everything that was measured, in the order of the table; kills by kind follow."""
        kinds = [key for key in self.seconds if key.startswith("killed ")]
        keys = [key for key in (*TITLES, *kinds) if key in self.seconds]
        return {
            key: Measure(key, TITLES.get(key, f"  {key}"), tuple(self.seconds[key]), GOALS.get(key)) for key in keys
        }

    def ratios(self) -> list[Ratio]:
        """The pairs."""
        found = self.measures()
        return [
            Ratio("cold", "cold `up` ÷ plain script", found["cold"], found["plain"], 1.5),
            Ratio("noop", "no-op `up` ÷ empty program", found["noop"], found["empty"], 1.3),
            Ratio("backup", "backup ÷ pg_basebackup", found["backup"], found["plain backup"], None),
            Ratio("restore", "restore ÷ a copy of it", found["restore"], found["plain restore"], None),
        ]

    def _time(self, key: str, seconds: float) -> None:
        self.seconds[key].append(seconds)

    def _plain(self) -> None:
        command = [sys.executable, "-m", "bench.plain", str(self.place.plain), str(self.first), str(self.python)]
        try:
            self._time("plain", must(command).seconds)
        finally:
            ending.stop(self.place.plain)

    def _cold(self) -> None:
        self._time("cold", must(pitchbar("up", "--yes"), env=app_environment(self.first)).seconds)

    def _empty(self) -> None:
        self._time("empty", self.empty.up().seconds)

    def _noop(self) -> None:
        command = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        self._time("noop", must(command, env=bare_environment(self.first)).seconds)

    def _checked(self) -> None:
        self._time("checked", must(pitchbar("up", "--yes"), env=app_environment(self.first)).seconds)

    def _back_up(self, number: int) -> None:
        backups = Backups(self.place.root / "base-backup")
        backups.prepare()
        one = (("backup", backups.ours), ("plain backup", backups.plain))
        other = (("restore", backups.restored), ("plain restore", backups.plainly_restored))
        for pair in (one, other):
            for key, measure in pair if number % 2 == 0 else reversed(pair):
                self._time(key, measure())

    def _release(self, served: str, whole: str | None, app: Path) -> None:
        with Watch(self.url()) as watch:
            timed = must(pitchbar("up", "--yes"), env=app_environment(app))
        self._time(served, watch.seconds(timed.seconds))
        if whole:
            self._time(whole, timed.seconds)

    def _refused(self) -> None:
        before = self.outputs()["release"]
        timed = run(pitchbar("up", "--yes"), env=app_environment(self.broken))
        if timed.code == 0:
            raise UserError(f"The release that is broken on purpose was not refused:\n{tail(timed.output)}")
        if served_release(self.url()) != before:
            raise UserError(f"Release {before} no longer serves after a broken one was refused.")
        self._time("refused", timed.seconds)

    def _kill(self) -> None:
        found = dict(Killing(STACK).all())
        for kind, seconds in found.items():
            self._time(f"killed {kind}", seconds)
        self._time("killed", max(found.values()))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs that are no secrets."""
        command = pulumi("stack", "output", "--json")
        found: dict[str, Any] = json.loads(must(command, env=bare_environment(self.first)).output)
        return found

    def url(self) -> str:
        """Where visitors reach the app."""
        return str(self.outputs()["app_url"])


class Watch:
    """Looks from outside when the release that answers visitors becomes another one."""

    def __init__(self, url: str) -> None:
        """Begin with the release that answers now."""
        self._url = url
        self._before = served_release(url)
        self._changed: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        """Start the clock."""
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def seconds(self, at_most: float) -> float:
        """How long it took. Raises `UserError` when no other release answered within the command's `at_most`."""
        if self._changed is None:
            raise UserError(f"The command ended after {at_most:.1f} s, and {self._before} still answers visitors.")
        return self._changed - self._started

    def _look(self) -> None:
        while not self._stop.is_set() and self._changed is None:
            release = served_release(self._url)
            if release and release != self._before:
                self._changed = time.monotonic()
            time.sleep(_LOOK_SECONDS)


def served_release(url: str) -> str:
    """The release that answers visitors; empty when none does."""
    try:
        return str(json.loads(http_get(url_endpoint(url), "/up", timeout=10).body)["release"])
    except (CheckFailed, ValueError, KeyError, TypeError):
        return ""

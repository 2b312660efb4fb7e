"""Takes base backups: ``python backup_agent.py clock|backup FOLDER``.

It runs as the user whom PostgreSQL and Barman run as, who can't reach a checkout in root's home: so it is copied into
the backup folder, runs with Barman's Python, and uses the standard library alone. ``clock`` is supervised: it archives
the log that was received, and takes a base backup at once where the last one is older than a day, or there is none.
``backup`` takes one now and prints what came of it as JSON.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SERVER = "pitchbar"
"""The server's name in Barman's configuration."""

INTERRUPTED = "interrupted"
"""The folder with what had been received of a segment when PostgreSQL gave up the log after it."""

_DAY = 24 * 3600.0
_LOOK_SECONDS = 5.0
_FIRST_LOOK_SECONDS = 3.0
"""So that a new environment's processes have the processors to themselves."""
_RETRY_SECONDS = 60.0
_LONGEST_RETRY_SECONDS = 600.0
_LOG_SECONDS = 60.0
_RECEIVER_SECONDS = 15.0
_COMPLETE = ("DONE",)
_WAITING = "WAITING_FOR_WALS"

_NUDGE = "SELECT pg_create_restore_point('pitchbar')"
"""A change of nothing: PostgreSQL begins the segment after a switch only with the next change."""


class Failed(Exception):
    """A command of Barman's or PostgreSQL's that failed; the text is what it said."""


class Agent:
    """The effects, on one backup folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data" / SERVER
        self.verified = folder / "verified"

    def last_end(self) -> float | None:
        """When the newest verified base backup ended, as seconds since 1970."""
        ends = [_status_and_end(self._info(id))[1] for id in self._ids() if self._is_verified(id)]
        return max((end for end in ends if end is not None), default=None)

    def archive(self) -> None:
        """Move received segments of the log to the archive, compressed; the one still being written stays."""
        segments = [file for file in self.data.glob("streaming/*") if file.suffix != ".partial"]
        if segments and list(self.data.glob("streaming/*.partial")):
            self._barman("archive-wal", SERVER)

    def back_up(self) -> dict[str, object]:
        """Take a base backup, wait for the log that it needs, verify it, and drop what the retention doesn't keep."""
        with self._alone():
            started = time.monotonic()
            before = set(self._ids())
            self._drop(lambda entry: entry["status"] not in (*_COMPLETE, _WAITING))
            self._begin_archive()
            self._copy()
            id = max(set(self._ids()) - before)
            self._complete(id)
            verification = self._verify(id)
            if verification["verified"]:
                self._drop(lambda entry: entry["retention_status"] == "OBSOLETE")
            return {"id": id, "seconds": round(time.monotonic() - started, 2), **verification}

    def _begin_archive(self) -> None:
        """Barman wants to see the log arrive before a first base backup; it would wait for a segment to fill."""
        deadline = time.monotonic() + _LOG_SECONDS
        while not list(self.data.glob("wals/*/*")) and time.monotonic() < deadline:
            self._sql("SELECT pg_switch_wal()", _NUDGE)
            time.sleep(0.2)
            self.archive()

    def _copy(self) -> None:
        """Let Barman copy the database; it refuses while the receiver isn't there, which may just be starting."""
        deadline = time.monotonic() + _RECEIVER_SECONDS
        while True:
            try:
                self._barman("backup", "--immediate-checkpoint", SERVER)
                return
            except Failed as failure:
                problems = self._problems()
                if not problems or time.monotonic() >= deadline:
                    raise Failed("\n".join([str(failure), *problems])) from None
            time.sleep(0.5)

    def _problems(self) -> list[str]:
        """What Barman finds wrong with what a backup needs."""
        try:
            self._barman("check", SERVER)
            return []
        except Failed as failure:
            return [line.strip() for line in str(failure).splitlines() if "FAILED" in line]

    def _complete(self, id: str) -> None:
        """Wait until the log that makes the backup consistent is archived.

        PostgreSQL begins its next segment with the next change, and a segment is archived when the next has begun.
        """
        deadline = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < deadline:
            self._sql(_NUDGE)
            time.sleep(0.1)
            self._barman("archive-wal", SERVER)
            self._barman("check-backup", SERVER, id)
            if _status_and_end(self._info(id))[0] in _COMPLETE:
                return
            time.sleep(0.5)
        raise Failed(f"the log that base backup {id} needs was not received within {_LOG_SECONDS:.0f} s")

    def _verify(self, id: str) -> dict[str, object]:
        """Compare every file of the backup with its checksum in the manifest (pg_verifybackup); keep the result."""
        try:
            self._barman("verify-backup", SERVER, id)
            error = ""
        except Failed as failure:
            error = str(failure)
        result = {"verified": not error, "error": error, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        self.verified.mkdir(exist_ok=True)
        draft = self.verified / f".{id}.draft"
        draft.write_text(json.dumps(result) + "\n", encoding="utf-8")
        draft.rename(self.verified / f"{id}.json")
        return result

    def _drop(self, unwanted: "Callable[[dict[str, str]], bool]") -> None:
        """Delete base backups, the oldest first, with the log that only they need."""
        listed = json.loads(self._barman("-f", "json", "list-backups", SERVER) or "{}").get(SERVER, [])
        for id in sorted(entry["backup_id"] for entry in listed if unwanted(entry)):
            print(f"Dropping base backup {id}.", file=sys.stderr, flush=True)
            self._barman("delete", SERVER, id)
        kept = set(self._ids())
        for result in self.verified.glob("*.json"):
            if result.stem not in kept:
                result.unlink()
        ends = [end for id in kept if (end := _status_and_end(self._info(id))[1]) is not None]
        for segment in (self.folder / INTERRUPTED).glob("*"):
            if ends and segment.stat().st_mtime < min(ends):
                segment.unlink()

    def _ids(self) -> list[str]:
        return [file.name.removesuffix("-backup.info") for file in self.data.glob("meta/*-backup.info")]

    def _info(self, id: str) -> Path:
        return self.data / "meta" / f"{id}-backup.info"

    def _is_verified(self, id: str) -> bool:
        try:
            return bool(json.loads((self.verified / f"{id}.json").read_text(encoding="utf-8"))["verified"])
        except (OSError, ValueError, KeyError):
            return False

    def _barman(self, *arguments: str) -> str:
        return self._run([sys.executable, "-m", "barman.cli", "-c", str(self.folder / "barman.conf"), *arguments])

    def _sql(self, *statements: str) -> None:
        self._run([str(self.folder / "bin" / "sql"), *(word for each in statements for word in ("-c", each))])

    def _run(self, command: list[str]) -> str:
        # Killed, we must leave nothing running that the next one would collide with.
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            raise Failed("\n".join(said[-30:]) or f"{command[-1]} ended with exit code {done.returncode}")
        return done.stdout

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One base backup at a time: the clock's or an operator's; the other one waits."""
        with (self.folder / "agent.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def due(last_end: float | None, now: float) -> bool:
    """Whether it is time for the daily base backup."""
    return last_end is None or now - last_end >= _DAY or last_end > now + _DAY


def clock(agent: Agent) -> None:
    """Look again and again, for ever; what fails is tried again later, and said in the log."""
    patience, pause = _RETRY_SECONDS, _FIRST_LOOK_SECONDS
    while True:
        time.sleep(pause)
        try:
            agent.archive()
            if due(agent.last_end(), time.time()):
                result = agent.back_up()
                print(f"Base backup: {json.dumps(result)}", flush=True)
                if not result["verified"]:
                    raise Failed("it is not verified")
            patience, pause = _RETRY_SECONDS, _LOOK_SECONDS
        except (Failed, OSError) as error:
            print(f"Failed, next try in {patience:.0f} s: {error}", flush=True)
            patience, pause = min(2 * patience, _LONGEST_RETRY_SECONDS), patience


def _status_and_end(info: Path) -> tuple[str, float | None]:
    try:
        pairs = dict(line.partition("=")[::2] for line in info.read_text(encoding="utf-8").splitlines())
        end = pairs.get("end_time", "None")
        return pairs.get("status", ""), None if end == "None" else datetime.fromisoformat(end).timestamp()
    except (OSError, ValueError):
        return "", None


def main(arguments: list[str]) -> int:
    """Run the clock, or take one base backup; 1 when that failed or isn't verified."""
    agent = Agent(Path(arguments[1]))
    os.umask(0o077)
    if arguments[0] == "clock":
        clock(agent)
    try:
        result = agent.back_up()
    except Failed as error:
        result = {"verified": False, "error": str(error)}
    print(json.dumps(result))
    return 0 if result["verified"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Base backups and the times that a database can be brought back to: pure functions over what Barman keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.errors import UserError

LATEST = "latest"
_SEGMENTS_PER_FILE_ID = 256
"""Segments of 16 MB in one unit of a log file's name: 8 hex digits of timeline, 8 of this, 8 of the segment in it."""


@dataclass(frozen=True)
class BaseBackup:
    """A base backup. ``reach``: the last moment to which the log after it is unbroken, None where it isn't usable.
    ``verified``: what pg_verifybackup said; None where it hasn't been asked yet."""

    id: str
    status: str
    begun: datetime | None
    ended: datetime | None
    size: int
    verified: bool | None
    reach: datetime | None

    @property
    def usable(self) -> bool:
        """Whether a database can be restored from it."""
        return self.status == "DONE" and self.verified is True and self.ended is not None and self.reach is not None


@dataclass(frozen=True)
class Window:
    """Times that can be restored, both ends included."""

    start: datetime
    end: datetime


def segment_number(name: str) -> int | None:
    """The number of a log segment by its file's name, whatever its timeline; None for another kind of file."""
    digits = name.partition(".")[0]
    if len(digits) != 24 or name not in (digits, f"{digits}.partial"):
        return None
    try:
        return int(digits[8:16], 16) * _SEGMENTS_PER_FILE_ID + int(digits[16:], 16)
    except ValueError:
        return None


def reach(begin: str, segments: Mapping[int, datetime], latest: datetime) -> datetime | None:
    """How far the log is unbroken from segment ``begin`` on: ``latest`` where it is to its end; None where already
    ``begin`` is missing. ``segments``: when each one that is kept was last written."""
    number = segment_number(begin)
    if number is None or number not in segments:
        return None
    newest = max(segments)
    while number < newest and number + 1 in segments:
        number += 1
    return latest if number == newest else segments[number]


def windows(backups: Iterable[BaseBackup]) -> tuple[Window, ...]:
    """The times that can be restored, the earliest first; one window, unless log is missing between two backups."""
    found: list[Window] = []
    for backup in sorted(filter(_is_usable, backups), key=lambda backup: _ended(backup)):
        start, end = _ended(backup), _reach(backup)
        if end < start:
            continue
        if found and start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, end))
        else:
            found.append(Window(start, end))
    return tuple(found)


def choose(backups: Sequence[BaseBackup], moment: datetime) -> BaseBackup:
    """The base backup to restore ``moment`` from: the newest that had ended by then and whose log reaches it.

    One that ended later already holds what came after. Raises :class:`UserError` naming what can be restored.
    """
    fitting = [b for b in backups if _is_usable(b) and _ended(b) <= moment <= _reach(b)]
    if fitting:
        return max(fitting, key=_ended)
    there = windows(backups)
    if not there:
        raise UserError("There is no verified base backup yet, so nothing can be restored.")
    spans = ", and ".join(f"from {written(window.start)} to {written(window.end)}" for window in there)
    raise UserError(f"{written(moment)} is outside of what can be restored: {spans}.")


def parse_moment(text: str, now: datetime) -> datetime:
    """A moment in ISO 8601; without a zone it is this machine's local time. ``latest`` is now.

    Raises :class:`UserError` for anything else.
    """
    if text.strip().lower() == LATEST:
        return now
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        example = now.astimezone().isoformat(sep=" ", timespec="seconds")
        raise UserError(
            f"{text!r} is not a time. Write it as ISO 8601, such as '{example}' or, in local time, "
            f"'{now.astimezone().strftime('%Y-%m-%dT%H:%M:%S')}'; or write latest."
        ) from None
    return moment.astimezone(UTC)


def written(moment: datetime) -> str:
    """A moment as people read it and can type it again: this machine's local time, with its offset."""
    return moment.astimezone().isoformat(sep=" ", timespec="milliseconds")


def rounded_up(moment: datetime) -> datetime:
    """The moment, or the next whole millisecond: what :func:`written` shows of it is then not before it."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def _is_usable(backup: BaseBackup) -> bool:
    return backup.usable


def _ended(backup: BaseBackup) -> datetime:
    assert backup.ended is not None
    return backup.ended


def _reach(backup: BaseBackup) -> datetime:
    assert backup.reach is not None
    return backup.reach

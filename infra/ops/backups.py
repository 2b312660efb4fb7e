"""`pitchbar backup` and `pitchbar backups`: base backups of an environment of the local target, taken and listed."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import backups, paths
from infra.backups import BaseBackup, Window
from infra.errors import UserError
from infra.ops import stacks
from infra.ops.typed import typed
from infra.provider.local import barman, restores
from infra.provider.local.barman import SLOT
from infra.provider.local.layout import Layout
from infra.provider.local.postgres import administer
from infra.provider.local.restores import Restored

_BACKUP_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class Catalogue:
    """What there is to restore from. ``lag``: bytes of PostgreSQL's log that weren't received yet; None where nobody
    receives it, and then ``received`` tells until when it was."""

    backups: tuple[BaseBackup, ...]
    windows: tuple[Window, ...]
    restores: tuple[Restored, ...]
    lag: int | None
    received: datetime | None

    def document(self) -> dict[str, Any]:
        """The catalogue for programs."""
        return {
            "backups": [{**_texts(asdict(backup)), "usable": backup.usable} for backup in self.backups],
            "windows": [_texts(asdict(window)) for window in self.windows],
            "restores": [asdict(restored) for restored in self.restores],
            "wal_lag_bytes": self.lag,
            "wal_received_at": self.received.isoformat() if self.received else None,
        }


@dataclass(frozen=True)
class BackupStatus:
    """The last base backup in short: for `pitchbar status`. ``age`` in seconds."""

    last: str | None
    age: float | None
    verified: bool | None
    wal_lag_bytes: int | None


def layout_of(stack: str) -> Layout:
    """The environment's folders. Raises `UserError` where it isn't up here, or has no backups."""
    stacks.must_be_here(stack)
    layout = Layout(paths.environment_dir(stack))
    if not layout.directory.is_dir():
        raise UserError(f"Stack {stack} is not up on this machine. To bring it up, type: {typed(f'up -s {stack}')}")
    if not (layout.backup / "barman.conf").is_file():
        raise UserError(
            f"Stack {stack} has no backups: its environment has them off. "
            "Turn backups.daily on in infra/cloud.yaml, then type: " + typed(f"up -s {stack}")
        )
    return layout


def back_up(stack: str) -> Mapping[str, object]:
    """Take a base backup now and verify it. Raises `UserError` with what was said where it failed."""
    result = barman.back_up(layout_of(stack), _BACKUP_SECONDS)
    if not result["verified"]:
        raise UserError(f"The base backup of stack {stack} failed: {result['error']}")
    return result


def catalogue(layout: Layout) -> Catalogue:
    """What Barman and the agent keep, as it is on the disk. Received log is read first: it moves to the archive."""
    data = barman.data(layout)
    segments = _segments(barman.interrupted(layout).glob("*")) | _segments(data.glob("streaming/*"))
    segments |= _segments(data.glob("wals/*/*"))
    received = max(segments.values(), default=None)
    lag = _lag(layout)
    latest = datetime.now(UTC) if lag is not None else received
    found = [_read(layout, info, segments, latest) for info in sorted(data.glob("meta/*-backup.info"), reverse=True)]
    return Catalogue(tuple(found), backups.windows(found), restores.known(layout), lag, received)


def status(layout: Layout) -> BackupStatus | None:
    """The last base backup in short; None where the environment has no backups."""
    if not (layout.backup / "barman.conf").is_file():
        return None
    found = catalogue(layout)
    last = next((backup for backup in found.backups if backup.ended), None)
    age = (datetime.now(UTC) - last.ended).total_seconds() if last and last.ended else None
    return BackupStatus(last.id if last else None, age, last.verified if last else None, found.lag)


def _read(layout: Layout, info: Path, segments: Mapping[int, datetime], latest: datetime | None) -> BaseBackup:
    id = info.name.removesuffix("-backup.info")
    pairs = dict(line.partition("=")[::2] for line in info.read_text(encoding="utf-8").splitlines())
    begin = pairs.get("begin_wal", "")
    return BaseBackup(
        id=id,
        status=pairs.get("status", ""),
        begun=_moment(pairs.get("begin_time")),
        ended=backups.rounded_up(ended) if (ended := _moment(pairs.get("end_time"))) else None,
        size=int(size) if (size := pairs.get("size", "")).isdigit() else 0,
        verified=_verified(layout.backup / "verified" / f"{id}.json"),
        reach=backups.reach(begin, segments, latest) if latest else None,
    )


def _segments(files: Iterable[Path]) -> dict[int, datetime]:
    """When each segment of the log among these files was last written."""
    found = {}
    for file in files:
        number = backups.segment_number(file.name)
        with contextlib.suppress(FileNotFoundError):
            if number is not None:
                found[number] = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return found


def _lag(layout: Layout) -> int | None:
    """Bytes between what PostgreSQL has written of its log and what the receiver has; None where nobody receives."""
    try:
        answer = administer(
            layout,
            f"""SELECT greatest(0, pg_wal_lsn_diff(pg_current_wal_flush_lsn(), write_lsn))::bigint
                  FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid
                 WHERE slot_name = '{SLOT}';""",
        ).strip()
    except UserError:
        return None
    return int(answer) if answer else None


def _verified(result: Path) -> bool | None:
    try:
        return bool(json.loads(result.read_text(encoding="utf-8"))["verified"])
    except (OSError, ValueError, KeyError):
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text and text != "None" else None
    except ValueError:
        return None


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}

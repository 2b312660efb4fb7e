"""`pitchbar status`: what runs in an environment of the local target, as its supervisor and its folders tell."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra import paths
from infra.ops import backups, stacks
from infra.ops.backups import BackupStatus
from infra.ops.queues import PoolStatus, QueueStatus, pool, queues
from infra.ops.ticks import TickStatus, last_tick
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import RUNNING, Supervisor

_GOOD = ("running", "starting")
_STATES = {0: "stopped", 10: "starting", 20: "running", 30: "restarting", 40: "stopping", 100: "exited", 200: "failed"}


@dataclass(frozen=True)
class ProcessStatus:
    """One process; `program` is what it belongs to (app, worker, realtime, postgres, redis, gateway). `pool`: of a
    worker, None else."""

    name: str
    program: str
    state: str
    pid: int
    uptime: float
    release: str
    serving: bool
    detail: str
    pool: PoolStatus | None = None


@dataclass(frozen=True)
class ReleaseStatus:
    """A release in the store, and whether processes of it run."""

    id: str
    created_at: str
    created_by: str
    commit: str
    running: bool


@dataclass(frozen=True)
class Status:
    """One environment."""

    stack: str
    directory: str
    exists: bool
    supervisor: bool
    processes: tuple[ProcessStatus, ...]
    releases: tuple[ReleaseStatus, ...]
    backups: BackupStatus | None = None
    """None where the environment has no backups."""
    tick: TickStatus | None = None
    queues: tuple[QueueStatus, ...] | None = None
    """None where they can't be read."""

    @property
    def healthy(self) -> bool:
        """Whether everything that should run does."""
        return self.supervisor and bool(self.processes) and all(item.state in _GOOD for item in self.processes)

    def document(self) -> dict[str, Any]:
        """The status for programs."""
        return {"healthy": self.healthy, **asdict(self)}


def status(stack: str) -> Status:
    """Ask the stack's supervisor and look into its folder."""
    stacks.must_be_here(stack)
    directory = paths.environment_dir(stack)
    layout = Layout(directory)
    supervisor = Supervisor(layout)
    alive = supervisor.answers()
    processes = _processes(layout, supervisor) if alive else ()
    releases = _releases(layout, processes)
    kept, tick = backups.status(layout), last_tick(layout)
    backlog = _queues(layout, processes)
    return Status(stack, str(directory), directory.is_dir(), alive, processes, releases, kept, tick, backlog)


def _processes(layout: Layout, supervisor: Supervisor) -> tuple[ProcessStatus, ...]:
    serving = _serving(layout)
    found = []
    for process in supervisor.processes():
        group = process.name.rpartition("-")[0]
        service = _json(layout.services / group / "service.json")
        found.append(
            ProcessStatus(
                name=process.name,
                program=str(service.get("process") or group),
                state=_STATES.get(process.state, "unknown"),
                pid=process.pid,
                uptime=_uptime(process.pid) if process.state == RUNNING else 0.0,
                release=str(service.get("release") or ""),
                serving=not service or group in serving,
                detail=process.reason,
                pool=pool(layout, group, process.pid) if _is_working(process.state, service) else None,
            )
        )
    return tuple(sorted(found, key=lambda item: (not item.release, item.name)))


def _is_working(state: int, service: Mapping[str, Any]) -> bool:
    return state == RUNNING and service.get("process") == "worker"


def _queues(layout: Layout, processes: tuple[ProcessStatus, ...]) -> tuple[QueueStatus, ...] | None:
    workers = [process for process in processes if process.program == "worker"]
    chosen = max(workers, key=lambda process: process.serving, default=None)
    return queues(layout, chosen.name.rpartition("-")[0]) if chosen else None


def _serving(layout: Layout) -> frozenset[str]:
    """The generations that the gateway sends visitors to, and the accepted workers beside them."""
    reached = layout.current.iterdir() if layout.current.is_dir() else ()
    workers = (file.parent for file in layout.services.glob(f"worker-*/{ACCEPTED}"))
    return frozenset(link.resolve().name for link in (*reached, *workers))


def _releases(layout: Layout, processes: tuple[ProcessStatus, ...]) -> tuple[ReleaseStatus, ...]:
    running = {process.release for process in processes}
    manifests = [_json(file) for file in layout.releases.glob("*/manifest.json")]
    known = [
        ReleaseStatus(
            id=str(manifest.get("id", "")),
            created_at=str(manifest.get("created_at", "")),
            created_by=str(manifest.get("created_by", "")),
            commit=str(manifest.get("commit", "")),
            running=manifest.get("id") in running,
        )
        for manifest in manifests
    ]
    return tuple(sorted(known, key=lambda item: item.created_at, reverse=True))


def _uptime(pid: int) -> float:
    try:
        started = Path(f"/proc/{pid}").stat().st_ctime
    except OSError:
        return 0.0
    return round(max(0.0, time.time() - started), 1)


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

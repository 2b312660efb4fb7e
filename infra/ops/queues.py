"""The queues of an environment on this machine and the size of its pool of workers, for `pitchbar status`."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.local.layout import Layout
from infra.provider.local.run import run
from infra.provider.local.supervision import Program, Supervisor

_SECONDS = 30.0


@dataclass(frozen=True)
class QueueStatus:
    """One queue: jobs that wait, that wait for their time, that a worker has, and that were given up."""

    name: str
    waiting: int
    delayed: int
    reserved: int
    failed: int


@dataclass(frozen=True)
class PoolStatus:
    """How many worker processes run, and how many it may be."""

    size: int
    min: int
    max: int


def queues(layout: Layout, generation: str) -> tuple[QueueStatus, ...] | None:
    """The queues that a generation of the worker serves, as its own release counts them; None when it can't."""
    program = Supervisor(layout).program(generation)
    if program is None or program.command[1:] != ("-m", "pitchbar_app", "worker"):
        return None
    document = _ask(program)
    return (
        tuple(
            QueueStatus(name, *(int(counts.get(part, 0)) for part in ("waiting", "delayed", "reserved", "failed")))
            for name, counts in document.items()
            if name != "total"
        )
        or None
    )


def pool(layout: Layout, generation: str, pid: int) -> PoolStatus | None:
    """The pool of the worker process with this pid; None where its generation is not told of a pool."""
    program = Supervisor(layout).program(generation)
    try:
        variables = program.environment if program else {}
        least, most = int(variables["HORIZON_MIN_PROCESSES"]), int(variables["HORIZON_MAX_PROCESSES"])
    except (KeyError, ValueError):
        return None
    return PoolStatus(_children(pid) if most > 1 else 1, least, most)


def _ask(program: Program) -> Mapping[str, Mapping[str, int]]:
    """What `queue-metrics` of the program's release prints; nothing when it fails."""
    variables = {name: value for name, value in program.environment.items() if name != "CANARY_QUEUE"}
    with contextlib.suppress(UserError, ValueError, IndexError):
        printed = run(
            [*program.command[:-1], "queue-metrics"],
            what="Counting the jobs",
            timeout=_SECONDS,
            environment=variables,
            directory=program.directory,
            user=program.user,
        )
        document = json.loads(printed.splitlines()[-1])
        return document if isinstance(document, dict) else {}
    return {}


def _children(pid: int) -> int:
    """How many processes that one started still run."""
    count = 0
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
            count += state != "Z"
    return count

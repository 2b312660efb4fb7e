"""How much there is to do: the backlog that scaling goes by, `python -m pitchbar_app queue-metrics`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from redis import Redis

from pitchbar_app.queueing import queue
from pitchbar_app.redis_clients import blocking
from pitchbar_app.reserving import delayed_key, reserved_key
from pitchbar_app.settings import Worker


@dataclass(frozen=True)
class Depth:
    """One queue's jobs. `depth`: those that there are to do, the sum of the three before it. `failed`: those that were
    given up, and are kept for a week."""

    waiting: int
    delayed: int
    reserved: int
    depth: int
    failed: int


def run(settings: Worker) -> int:
    """Print the depth of each of the worker's queues and of all together, as one JSON document."""
    with blocking(settings.redis, settings.app) as connection:
        print(json.dumps(document(connection, settings.queues)))
    return 0


def document(connection: Redis, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """The depth by queue, and `total`."""
    found = depths(connection, names)
    total = Depth(*(sum(asdict(depth)[part] for depth in found.values()) for part in Depth.__dataclass_fields__))
    return {**{name: asdict(depth) for name, depth in found.items()}, "total": asdict(total)}


def depths(connection: Redis, names: Sequence[str]) -> dict[str, Depth]:
    """The depth of each queue, all of them counted at the same moment."""
    with connection.pipeline() as pipeline:
        for name in names:
            known = queue(name, connection)
            pipeline.llen(known.key)
            pipeline.zcard(delayed_key(known))
            pipeline.zcard(reserved_key(known))
            pipeline.zcard(known.failed_job_registry.key)
        counts = iter([int(count) for count in pipeline.execute()])
    rows = ((name, next(counts), next(counts), next(counts), next(counts)) for name in names)
    return {
        name: Depth(waiting, delayed, reserved, waiting + delayed + reserved, failed)
        for name, waiting, delayed, reserved, failed in rows
    }

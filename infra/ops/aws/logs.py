"""`pitchbar logs` of a stack on AWS, from CloudWatch Logs.

The tasks of a release write into one log group, each into a stream of its own (``app/app/<task>``); what else logs has
a group of its own. Following asks again every two seconds, where CloudWatch's live tail would cost money by the minute,
end after three hours and leave lines out when there are many.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.errors import UserError
from infra.ops.aws.place import Place, Refused, Tagged, ask, made, named
from infra.ops.typed import typed

TASKS = "tasks"
"""The group of the tasks, by its name in the program."""

_POLL_SECONDS = 2.0
_OVERLAP_SECONDS = 30.0
"""CloudWatch may show a line after younger ones of other tasks."""
_STEPS = (60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600)
"""How far back is looked, in seconds, until there are lines enough: reading days of a busy log takes long."""

_IN_TASKS = ("app", "worker", "realtime", "migration", "renewal")
_SHORT = 8


@dataclass(frozen=True)
class Source:
    """A log group, and which streams in it: those that begin with ``prefix``, all without one."""

    group: str
    name: str
    prefix: str = ""


@dataclass(frozen=True)
class Line:
    """One line. ``source``: the process with the beginning of its task's id, or what else wrote it. ``at``: ms."""

    id: str
    at: int
    source: str
    text: str


def sources(place: Place, process: str | None = None) -> Sequence[Source]:
    """The logs of a process (`app`), of a one-off task (`migration`), or of what has a group of its own (`queue-probe`,
    `postgres`); without one those of all tasks. Raises :class:`UserError` listing what there is."""
    groups = made(place, "logs")["logs"]
    tasks = [Source(_name(group), TASKS) for group in groups if group.name == TASKS]
    groups_by_name = {_short(place, group): _name(group) for group in groups if group.name != TASKS}
    others = {name: Source(group, name) for name, group in groups_by_name.items()}
    if not groups:
        raise UserError(
            f"Stack {place.stack} has no logs in account {place.account}, {place.region}, so it is not up. "
            f"To bring it up, type: {typed(f'up -s {place.stack}')}"
        )
    if process is None:
        return tasks or list(others.values())
    if process in _IN_TASKS and tasks:
        return [Source(tasks[0].group, process, f"{process}/")]
    if process in others:
        return [others[process]]
    there = sorted({*(_IN_TASKS if tasks else ()), *others})
    raise UserError(f"Stack {place.stack} has no log {process!r}. It has: {', '.join(there)}.")


def last(place: Place, chosen: Sequence[Source], count: int, now: float | None = None) -> list[Line]:
    """The last lines of each process among the sources, in the order of their time; none older than a week."""
    if count <= 0:
        return []
    end = int((time.time() if now is None else now) * 1000)
    kept: dict[str, deque[Line]] = {}
    for source in chosen:
        found: list[Line] = []
        until = end
        for step in _STEPS:
            begin = end - step * 1000
            found = [*_between(place, source, begin, until), *found]
            until = begin
            if len(found) >= count:
                break
        for line in found:
            kept.setdefault(line.source.partition("/")[0], deque(maxlen=count)).append(line)
    return sorted((line for lines in kept.values() for line in lines), key=lambda line: line.at)


def follow(place: Place, chosen: Sequence[Source], now: float | None = None) -> Iterator[Line]:
    """New lines from ``now`` on as they come, for ever; also those that CloudWatch shows late, and each one once."""
    begin, overlap = int((time.time() if now is None else now) * 1000), int(_OVERLAP_SECONDS * 1000)
    earlier = {source: _between(place, source, begin - overlap, begin) for source in chosen}
    seen = {source: {line.id: line.at for line in lines} for source, lines in earlier.items()}
    newest = dict.fromkeys(chosen, begin)
    while True:
        for source, ids in seen.items():
            since = newest[source] - overlap
            for line in _between(place, source, since, None):
                if line.id not in ids:
                    ids[line.id] = line.at
                    newest[source] = max(newest[source], line.at)
                    yield line
            seen[source] = {id: at for id, at in ids.items() if at >= since}
        time.sleep(_POLL_SECONDS)


def _between(place: Place, source: Source, begin: int, end: int | None) -> list[Line]:
    """The lines of a source from ``begin`` on and before ``end``, in ms, oldest first."""
    arguments: dict[str, Any] = {"logGroupName": source.group, "startTime": begin}
    if end is not None:
        arguments["endTime"] = end - 1
    if source.prefix:
        arguments["logStreamNamePrefix"] = source.prefix
    what, operation = f"The log {source.name} of stack {place.stack}", place.service("logs").filter_log_events
    events: list[dict[str, Any]] = []
    while True:
        try:
            answer = ask(what, operation, **arguments)
        except Refused as refused:
            if "ResourceNotFoundException" in str(refused):  # A group that was removed, but is listed a while longer.
                return []
            raise
        events += answer["events"]
        if not answer.get("nextToken"):
            break
        arguments["nextToken"] = answer["nextToken"]
    lines = [
        Line(
            id=str(event["eventId"]),
            at=int(event["timestamp"]),
            source=_writer(source, str(event["logStreamName"])),
            text=str(event["message"]).rstrip("\n"),
        )
        for event in events
        if str(event["logStreamName"]).startswith(source.prefix)
    ]
    return sorted(lines, key=lambda line: line.at)


def _writer(source: Source, stream: str) -> str:
    parts = stream.split("/")
    if source.name != TASKS and not source.prefix:
        return source.name
    return f"{parts[0]}/{parts[-1][:_SHORT]}"


def _name(group: Tagged) -> str:
    return group.arn.removesuffix(":*").rpartition(":log-group:")[2]


def _short(place: Place, group: Tagged) -> str:
    """What people call a group: of `/aws/rds/instance/pitchbar-staging-postgres-…/postgresql` it is `postgres`."""
    parts = _name(group).strip("/").split("/")
    ours = next((part for part in parts if part.startswith(place.prefix)), parts[-1])
    short = named(place, ours)
    if len(parts) == 1 or parts[-1] == ours or (short, parts[-1]) == ("postgres", "postgresql"):
        return short
    return f"{short}-{parts[-1]}"

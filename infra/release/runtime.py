"""A release's runtime configuration: what its processes run and how, apart from sizes, data stores and secrets.

It is part of the release: its content counts for the release's identity, the manifest holds it, and a rollback
replays it from there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infra.commands import command_line
from infra.model import Environment, Process, Served, Worker
from infra.release import worker_script


@dataclass(frozen=True)
class ProcessRuntime:
    """One process. The target fills ``{listen}``, ``{host}`` and ``{port}`` in the command. Times in seconds."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    ready_path: str
    ready_timeout: int
    stop_timeout: int


@dataclass(frozen=True)
class Runtime:
    """Every process by name, the migration's command and time in seconds, the cron Worker's script, in which the
    app's address is left open, with its interval in seconds, and the renewal's command and time, which a release of
    an earlier version lacks."""

    processes: Mapping[str, ProcessRuntime]
    migration: tuple[str, ...]
    migration_timeout: int
    cron_script: str
    cron_interval: int
    renewal: tuple[str, ...] = ()
    renewal_timeout: int = 0


def render(environment: Environment) -> Runtime:
    """The runtime configuration that the model gives this environment."""
    migration = environment.migration
    return Runtime(
        processes={process.name: _process(process, environment) for process in environment.processes},
        migration=command_line(migration.commands, environment.runtime),
        migration_timeout=migration.deadline,
        cron_script=worker_script.render(environment.queue_tick, worker_script.APP_URL),
        cron_interval=environment.queue_tick.interval,
        renewal=command_line(environment.renewal.commands, environment.runtime),
        renewal_timeout=environment.renewal.deadline,
    )


def to_json(runtime: Runtime) -> str:
    """The same text for the same configuration."""
    return json.dumps(asdict(runtime), sort_keys=True)


def from_json(text: str) -> Runtime:
    """What :func:`to_json` wrote."""
    document: dict[str, Any] = json.loads(text)
    return Runtime(
        processes={
            name: ProcessRuntime(**{**process, "command": tuple(process["command"])})
            for name, process in document["processes"].items()
        },
        migration=tuple(document["migration"]),
        migration_timeout=document["migration_timeout"],
        cron_script=document.get("cron_script", ""),
        cron_interval=document.get("cron_interval", 60),
        renewal=tuple(document.get("renewal", ())),
        renewal_timeout=document.get("renewal_timeout", 0),
    )


def _process(process: Process, environment: Environment) -> ProcessRuntime:
    queues = process.queues if isinstance(process, Worker) else ()
    return ProcessRuntime(
        command=command_line(
            process.commands, environment.runtime, listen="{listen}", host="{host}", port="{port}", queues=queues
        ),
        variables={
            "APP_PROCESS": process.name,
            "STOP_TIMEOUT": str(process.stop_timeout),
            **({"QUEUES": ",".join(queues)} if queues else {}),
        },
        ready_path=process.ready_path if isinstance(process, Served) else "",
        ready_timeout=process.health.deadline,
        stop_timeout=process.stop_timeout,
    )

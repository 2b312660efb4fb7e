"""What a target may be able to do, compared with what an environment wants."""

from collections.abc import Collection
from typing import get_args

from infra.errors import UserError
from infra.model import Capability, Environment

CAPABILITIES: tuple[Capability, ...] = get_args(Capability)

NEEDS: dict[Capability, str] = {
    "alarms": "a service that watches the environment from outside",
    "autoscaling": "a platform that adds and removes replicas by their load",
    "container-images": "a container runtime",
    "daily-backups": "a backup service beside Postgres",
    "multi-az": "a provider with several zones",
    "point-in-time-recovery": "a continuous archive of Postgres's log",
    "public-domains": "names that the internet can reach",
    "queue-scaling": "something that adds and removes worker processes by their backlog",
    "queue-tick": "an external cron that calls the app every minute",
    "redis-failover": "a second Redis node on another machine",
    "redis-persistence": "an append-only file that survives Redis's node",
    "replicas": "several instances of one process",
    "sticky-sessions": "a gateway that keeps each visitor on one replica",
    "tls": "a gateway with certificates",
    "versioned-storage": "an object store that keeps old versions",
}


def wanted(environment: Environment) -> tuple[Capability, ...]:
    """List the capabilities that the shape of `environment` makes use of, in alphabetical order."""
    processes = tuple(environment.processes)
    visited = (environment.processes.app.scaling, environment.processes.realtime.scaling)
    worker = environment.processes.worker.scaling
    wants: dict[Capability, bool] = {
        "alarms": environment.telemetry.alarms,
        "autoscaling": any(scaling.max > scaling.min for scaling in visited),
        "container-images": environment.runtime == "laravel",
        "daily-backups": environment.backups.daily,
        "multi-az": environment.postgres.multi_az,
        "point-in-time-recovery": environment.backups.pitr,
        "public-domains": environment.name != "local",
        "queue-scaling": worker.max > worker.min,
        "queue-tick": True,
        "redis-failover": environment.redis.failover,
        "redis-persistence": environment.redis.persistent,
        "replicas": any(process.scaling.min > 1 for process in processes),
        "sticky-sessions": environment.processes.realtime.sticky,
        "tls": environment.name != "local",
        "versioned-storage": environment.storage.versioned,
    }
    return tuple(capability for capability in CAPABILITIES if wants.get(capability, False))


def check_capabilities(
    environment: Environment,
    target_name: str,
    capabilities: frozenset[str],
    require: Collection[str] = (),
    image: str | None = None,
) -> tuple[Capability, ...]:
    """Give what `environment` wants and the target lacks; raise when that was asked for explicitly.

    Explicit are `require` in cloud.yaml, the stack's `require` and `image`, and runtime `laravel`, which is an image.
    What only the environment's shape implies is given back, so that production can be rehearsed on a smaller target.
    """
    demands = dict.fromkeys(require, "pitchbar:require of this stack")
    for name in environment.require:
        demands.setdefault(name, f"require of environment {environment.name} in infra/cloud.yaml")
    if image is not None:
        demands.setdefault("container-images", "pitchbar:image of this stack")
    if environment.runtime == "laravel":
        demands.setdefault("container-images", f"runtime laravel of environment {environment.name} in infra/cloud.yaml")
    problems = [
        f"{name} (asked for by {demands[name]}): it needs {NEEDS[name]}."
        for name in CAPABILITIES
        if name in demands and name not in capabilities
    ]
    if problems:
        raise UserError(
            f"The target {target_name} lacks what was asked for. Choose another target"
            " (`pulumi config set pitchbar:target aws`) or take the demand back:",
            problems,
        )
    return tuple(name for name in wanted(environment) if name not in capabilities)

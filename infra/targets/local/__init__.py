"""The local target: an environment of real services on this machine, without account, container daemon or root."""

from infra.paths import release_store
from infra.release.manifest import Folder
from infra.targets.base import Cloud, Landed, Plan, Target
from infra.targets.local.environment import LocalEnvironment

CAPABILITIES = frozenset(
    {
        *("daily-backups", "point-in-time-recovery", "queue-scaling", "queue-tick"),
        *("redis-persistence", "replicas", "tls"),
    }
)


def _land(plan: Plan) -> Landed:
    return LocalEnvironment(plan.stack, plan).landed


def _store(stack: str, _: Cloud | None) -> Folder:
    return Folder(release_store(stack))


TARGET = Target("local", CAPABILITIES, _land, _store)

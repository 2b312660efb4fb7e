"""The local target: an environment of real services on this machine, without account, container daemon or root."""

from infra.targets.base import Landed, Plan, Target
from infra.targets.local.environment import LocalEnvironment

CAPABILITIES = frozenset(
    {
        *("daily-backups", "point-in-time-recovery", "queue-scaling", "queue-tick"),
        *("redis-persistence", "replicas", "tls"),
    }
)


def _land(plan: Plan) -> Landed:
    return LocalEnvironment(plan.stack, plan).landed


TARGET = Target("local", CAPABILITIES, _land)

"""Redis 7 of the local target."""

from pulumi import Output, ResourceOptions

from infra.targets.base import Plan
from infra.targets.local.resources import Redis, RedisArgs

_MEGABYTE = 1024 * 1024


def create_redis(plan: Plan, password: Output[str], opts: ResourceOptions) -> Redis:
    """Sessions, queues and caches, limited to the environment's memory."""
    maxmemory = plan.environment.redis.memory * _MEGABYTE
    return Redis("redis", RedisArgs(str(plan.directory), password, maxmemory), opts)

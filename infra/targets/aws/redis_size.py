"""What AWS has of the memory that `infra/cloud.yaml` gives to Redis."""

from collections.abc import Iterator

from infra.errors import UserError
from infra.model import Environment
from infra.targets.aws.sizes import Size, fargate_size

_NODES = (
    ("cache.t4g.micro", 0.5), ("cache.t4g.small", 1.37), ("cache.t4g.medium", 3.09), ("cache.m7g.large", 6.38),
    ("cache.r7g.large", 13.07), ("cache.r7g.xlarge", 26.32), ("cache.r7g.2xlarge", 52.82),
    ("cache.r7g.4xlarge", 105.81), ("cache.r7g.8xlarge", 209.55), ("cache.r7g.12xlarge", 317.77),
    ("cache.r7g.16xlarge", 419.09),
)  # fmt: skip
"""Graviton nodes and their GB of memory; the smaller first."""

_FOR_DATA = 0.75
"""ElastiCache keeps a quarter back for snapshots and replication (``reserved-memory-percent``)."""

_ROOM = 1.5
"""What a container needs beyond the data: buffers of clients, fragmentation."""


def problems(environment: Environment, *, container: bool) -> Iterator[str]:
    """Say what ElastiCache can't do, or Fargate for a ``container``, naming the key in `infra/cloud.yaml`."""
    try:
        task_size(environment) if container else node_type(environment)
    except UserError as error:
        yield str(error)


def node_type(environment: Environment) -> str:
    """The smallest node whose memory for data is no less than what the model asks for.

    Raises :class:`UserError`, which names the key, where there is none.
    """
    wanted = environment.redis.memory
    found = next((name for name, memory in _NODES if memory * 1024 * _FOR_DATA >= wanted), None)
    if found is None:
        name, memory = _NODES[-1]
        raise UserError(
            f"environments.{environment.name}.redis.memory in infra/cloud.yaml is more than ElastiCache has: "
            f"{wanted / 1024:g} GB, and the largest node, {name}, has {memory * _FOR_DATA:.0f} GB for data. "
            "Lower it there."
        )
    return found


def node_note(environment: Environment) -> str:
    """How the node differs from what was asked for; empty where it has less than a tenth more."""
    name, wanted = node_type(environment), environment.redis.memory
    memory = dict(_NODES)[name] * _FOR_DATA
    if memory * 1024 < wanted * 1.1:
        return ""
    return f"redis: {wanted} MB become {name}, with {memory:.1f} GB for data: the next larger node."


def task_size(environment: Environment) -> Size:
    """The smallest task for a container with so much data. Raises :class:`UserError` where Fargate has none."""
    size = fargate_size(0.25, round(environment.redis.memory * _ROOM))
    if size is None:
        raise UserError(
            f"environments.{environment.name}.redis.memory in infra/cloud.yaml is more than a task of Fargate can "
            f"hold: {environment.redis.memory / 1024:g} GB. Lower it there."
        )
    return size

"""What RDS has of the size that `infra/cloud.yaml` asks for."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.errors import UserError
from infra.model import Environment

_GIGABYTE = 1024
_CLASSES = (
    ("db.t4g.micro", 2, 1), ("db.t4g.small", 2, 2), ("db.t4g.medium", 2, 4),
    ("db.m7g.large", 2, 8), ("db.r7g.large", 2, 16), ("db.m7g.xlarge", 4, 16), ("db.r7g.xlarge", 4, 32),
    ("db.m7g.2xlarge", 8, 32), ("db.r7g.2xlarge", 8, 64), ("db.m7g.4xlarge", 16, 64), ("db.r7g.4xlarge", 16, 128),
    ("db.m7g.8xlarge", 32, 128), ("db.r7g.8xlarge", 32, 256), ("db.m7g.12xlarge", 48, 192),
    ("db.m7g.16xlarge", 64, 256), ("db.r7g.12xlarge", 48, 384), ("db.r7g.16xlarge", 64, 512),
)  # fmt: skip
"""Graviton classes: name, vCPUs, GB of memory; the cheaper first. The t4g are burstable: RDS runs them in unlimited
mode, so the processors are there at any time, and time above the baseline is billed."""

_SMALLEST, _LARGEST = 20, 64 * 1024
"""GB of gp3 storage for PostgreSQL."""
_GROWTH = 4
"""Storage grows by itself to this multiple of what it began with. It never shrinks, so there is an end to it."""


@dataclass(frozen=True)
class Size:
    """``disk`` and ``max_disk`` in GB. ``notes``: how it differs from what was asked for."""

    instance_class: str
    disk: int
    max_disk: int
    notes: tuple[str, ...]


def problems(environment: Environment) -> Iterator[str]:
    """Say what RDS can't do, naming the key in `infra/cloud.yaml`."""
    try:
        size(environment)
    except UserError as error:
        yield str(error)


def size(environment: Environment) -> Size:
    """The smallest class and storage that are no less than what the model asks for.

    Raises :class:`UserError`, which names the key, where no class is large enough.
    """
    wanted = environment.postgres
    found = next(
        (entry for entry in _CLASSES if entry[1] >= wanted.cpu and entry[2] * _GIGABYTE >= wanted.memory), None
    )
    if found is None:
        name, cpu, memory = _CLASSES[-1]
        key = "cpu" if wanted.cpu > cpu else "memory"
        raise UserError(
            f"environments.{environment.name}.postgres.{key} in infra/cloud.yaml is more than RDS has: "
            f"{wanted.cpu:g} vCPU with {_gigabytes(wanted.memory)}, and the largest class, {name}, has {cpu} vCPU with "
            f"{memory} GB. Lower it there."
        )
    name, cpu, memory = found
    disk = max(_SMALLEST, -(-wanted.disk // _GIGABYTE))
    return Size(name, disk, min(_LARGEST, disk * _GROWTH), tuple(_notes(environment, name, cpu, memory, disk)))


def _notes(environment: Environment, name: str, cpu: int, memory: int, disk: int) -> list[str]:
    wanted = environment.postgres
    notes = []
    if cpu > wanted.cpu or memory * _GIGABYTE > wanted.memory:
        notes.append(
            f"postgres: {wanted.cpu:g} vCPU with {_gigabytes(wanted.memory)} become {name}, {cpu} vCPU with {memory} "
            "GB: the next larger class of RDS."
        )
    if disk * _GIGABYTE > wanted.disk:
        notes.append(f"postgres: {_gigabytes(wanted.disk)} of disk become {disk} GB: the least that RDS has.")
    return notes


def _gigabytes(megabytes: int) -> str:
    return f"{megabytes / _GIGABYTE:g} GB"

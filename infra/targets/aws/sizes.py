"""The sizes that Fargate has: the next larger pair of processor and memory for what the model asks for."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.errors import UserError
from infra.model import Environment, Process

UNITS = 1024
"""ECS counts a vCPU in so many units."""

_GB = 1024
_PAIRS: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GB, 2 * _GB),
    512: tuple(range(1 * _GB, 4 * _GB + 1, _GB)),
    1024: tuple(range(2 * _GB, 8 * _GB + 1, _GB)),
    2048: tuple(range(4 * _GB, 16 * _GB + 1, _GB)),
    4096: tuple(range(8 * _GB, 30 * _GB + 1, _GB)),
    8192: tuple(range(16 * _GB, 60 * _GB + 1, 4 * _GB)),
    16384: tuple(range(32 * _GB, 120 * _GB + 1, 8 * _GB)),
}
"""The memory in MB that can be had with so many processor units."""

LONGEST_STOP = 120
"""Seconds that Fargate waits between SIGTERM and SIGKILL at most."""


@dataclass(frozen=True)
class Size:
    """What a task gets. ``cpu`` in ECS' units, ``memory`` in MB."""

    cpu: int
    memory: int


def fargate_size(cpu: float, memory: int) -> Size | None:
    """The smallest size with at least ``cpu`` vCPU and ``memory`` MB; None where Fargate has none that large."""
    fitting = (
        Size(units, megabytes)
        for units, offered in _PAIRS.items()
        if units >= cpu * UNITS
        for megabytes in offered
        if megabytes >= memory
    )
    return next(fitting, None)


def size_of(process: Process) -> Size:
    """The size of a process' tasks; :func:`problems` has refused before what Fargate can't give."""
    size = fargate_size(process.cpu, process.memory)
    if size is None:
        raise UserError(f"Fargate has no size for the process {process.name}. Type: make lint")
    return size


def rounded(environment: Environment) -> Iterator[str]:
    """Say of each process whose tasks get more than the model asks for what they get."""
    for process in environment.processes:
        size = size_of(process)
        if (size.cpu, size.memory) != (round(process.cpu * UNITS), process.memory):
            yield (
                f"The {process.name}'s tasks get {size.cpu / UNITS:g} vCPU and {_text(size.memory)} "
                f"instead of {process.cpu:g} vCPU and {_text(process.memory)}: Fargate's next larger size."
            )


def problems(environment: Environment) -> Iterator[str]:
    """Say of each process what Fargate can't do, naming the key in `infra/cloud.yaml`."""
    largest = f"{max(_PAIRS) // UNITS}vCPU with {_text(_PAIRS[max(_PAIRS)][-1])}"
    for process in environment.processes:
        key = f"environments.{environment.name}.processes.{process.name}"
        if fargate_size(process.cpu, process.memory) is None:
            yield (
                f"{key}.cpu and .memory: found {process.cpu:g}vCPU and {_text(process.memory)}. "
                f"Fargate has no size that large: the largest is {largest}."
            )
        if process.stop_timeout > LONGEST_STOP:
            yield (
                f"{key}.stop_timeout: found {process.stop_timeout}s. "
                f"Fargate waits {LONGEST_STOP}s at most between SIGTERM and SIGKILL."
            )


def _text(megabytes: int) -> str:
    return f"{megabytes // _GB}GB" if megabytes % _GB == 0 else f"{megabytes}MB"

"""What load balancers have of the times that `infra/cloud.yaml` gives to health checks."""

from collections.abc import Iterator

from infra.model import Environment, Health, Served

_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 5, 300
_SHORTEST_TIMEOUT, _LONGEST_TIMEOUT = 2, 120


def interval(health: Health) -> int:
    """Seconds between two checks: no less than what the model asks for, and than what load balancers have."""
    return max(health.interval, _SHORTEST_INTERVAL)


def timeout(health: Health) -> int:
    """Seconds that a check may take, likewise."""
    return max(health.timeout, _SHORTEST_TIMEOUT)


def problems(environment: Environment) -> Iterator[str]:
    """Say of each process that listens what a load balancer can't do, naming the key in `infra/cloud.yaml`."""
    for process in environment.processes:
        if not isinstance(process, Served):
            continue
        key, health = f"environments.{environment.name}.processes.{process.name}.health", process.health
        if health.interval > _LONGEST_INTERVAL:
            yield (
                f"{key}.interval: found {health.interval}s. A load balancer checks every {_LONGEST_INTERVAL}s at least."
            )
        if health.timeout > _LONGEST_TIMEOUT:
            yield f"{key}.timeout: found {health.timeout}s. A load balancer waits {_LONGEST_TIMEOUT}s at most."
        if timeout(health) >= interval(health):
            yield (
                f"{key}.timeout: found {health.timeout}s. A load balancer waits less than the {interval(health)}s "
                "between two checks."
            )

"""The plans that the tests of targets look at: every environment of infra/cloud.yaml, landed on the local target."""

from pathlib import Path

import pytest

from infra.domains import hosts
from infra.load import environment, load
from infra.model import Environment, Process, Worker
from infra.release import runtime
from infra.targets.base import Plan
from infra.targets.choice import target
from tests.support.engine import Recording, render

ENVIRONMENTS = ("preview", "staging", "production", "local")
RELEASE = "0123456789ab"


def plan_of(wanted: Environment, **changes: object) -> Plan:
    """A plan for an environment, as the program makes it."""
    values: dict[str, object] = {
        "stack": "st",
        "environment": wanted,
        "hosts": hosts(wanted.domains, "st.localhost", "st"),
        "release": RELEASE,
        "source": "/checkout/app",
        "runtime": runtime.render(wanted),
        "directory": Path("/data/st"),
        **changes,
    }
    return Plan(**values)  # type: ignore[arg-type]


def landed(wanted: Environment, **changes: object) -> Recording:
    """What the local target declares for an environment."""
    return render(lambda: target("local").land(plan_of(wanted, **changes)), stack="st")


def supervised(process: Process) -> int:
    """How many processes of this kind Supervisor runs: of the worker one, the pool."""
    return 1 if isinstance(process, Worker) else process.scaling.min


def pool_of(worker: Worker) -> dict[str, str]:
    """What the worker is told of the size of its pool."""
    return {
        "HORIZON_MIN_PROCESSES": str(worker.scaling.min),
        "HORIZON_MAX_PROCESSES": str(worker.scaling.max),
        "HORIZON_BACKLOG_PER_PROCESS": str(worker.scaling.backlog),
    }


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def wanted(request: pytest.FixtureRequest) -> Environment:
    """Each environment in turn."""
    return environment(load(), request.param)


@pytest.fixture(scope="session")
def recording(wanted: Environment) -> Recording:
    """That environment on the local target."""
    return landed(wanted)

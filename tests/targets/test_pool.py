"""The size of the worker's pool on the local target."""

import dataclasses

from infra.model import Environment
from infra.release.runtime import render
from tests.targets.conftest import landed


def test_the_pool_is_as_large_as_the_model_says_and_no_rollback_brings_it_back(wanted: Environment) -> None:
    scaling = dataclasses.replace(wanted.processes.worker.scaling, min=3, max=7, backlog=11)
    worker = dataclasses.replace(wanted.processes.worker, scaling=scaling)
    larger = dataclasses.replace(wanted, processes=dataclasses.replace(wanted.processes, worker=worker))
    recording = landed(larger, runtime=render(wanted))
    [told] = [each.inputs for each in recording.of("pitchbar:local:Service") if each.inputs["process"] == "worker"]
    assert told["replicas"] == 1
    assert {name: value for name, value in told["environment"].items() if name.startswith("HORIZON_")} == {
        "HORIZON_MIN_PROCESSES": "3",
        "HORIZON_MAX_PROCESSES": "7",
        "HORIZON_BACKLOG_PER_PROCESS": "11",
    }

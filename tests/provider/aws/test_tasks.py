"""Migrations and databases by one-off tasks of ECS, on moto: what is started, what an end means, what is told."""

import re
import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.moto_api import state_manager

from infra.errors import UserError
from infra.load import environment, load
from infra.provider import cancellation
from infra.provider.aws import migration, session
from infra.provider.aws.database import DatabaseResource
from infra.provider.aws.database import Inputs as DatabaseInputs
from infra.provider.aws.migration import Inputs, MigrationResource
from infra.release.manifest import Manifest, to_json
from infra.release.migrations import Revision
from infra.release.runtime import render
from tests.provider.aws.conftest import REGION, Behaviour, Cluster

MIGRATION = MigrationResource()
DATABASE = DatabaseResource()
RUNTIME = render(environment(load(), "staging"))


@pytest.fixture
def inputs(cluster: Cluster) -> Inputs:
    """Of a migration, with an empty release store."""
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="store")
    return Inputs(**cluster.arguments(), release="r2", store="store", prefix="releases/staging/")


def keep(release: str, *revisions: Revision) -> None:
    """Put a manifest into the store."""
    text = to_json(Manifest(release, "2026-01-01T00:00:00Z", "someone", "", revisions, RUNTIME))
    key = f"releases/staging/{release}/manifest.json"
    boto3.client("s3", region_name=REGION).put_object(Bucket="store", Key=key, Body=text.encode())


def refusal(given: Inputs) -> str:
    with pytest.raises(UserError) as refused:
        MIGRATION.create(given)
    return str(refused.value)


def test_a_migration_gives_the_revision_and_the_task(cluster: Cluster, inputs: Inputs) -> None:
    id, state = MIGRATION.create(inputs)

    [task] = cluster.tasks
    assert (id, state.revision, state.task) == ("migration", "0002", task.task_arn)
    assert asdict(state).items() >= asdict(inputs).items()


def test_a_task_runs_inside_the_network_without_an_address_of_its_own(cluster: Cluster, inputs: Inputs) -> None:
    MIGRATION.create(inputs)

    [task] = cluster.tasks
    assert task.launch_type == "FARGATE"
    assert task.task_definition_arn == cluster.task_definition
    assert task.network_configuration == {
        "awsvpcConfiguration": {
            "subnets": [cluster.subnet],
            "securityGroups": [cluster.security_group],
            "assignPublicIp": "DISABLED",
        }
    }
    assert re.fullmatch(r"pitchbar-[0-9a-f]{20}", task.started_by)


def test_it_is_told_on_which_newer_revisions_the_release_can_run(cluster: Cluster, inputs: Inputs) -> None:
    first, second = Revision("0001", "expand"), Revision("0002", "expand")
    keep("r2", first)
    keep("r3", first, second)
    keep("r4", first, second, Revision("0003", "contract"))

    MIGRATION.create(inputs)

    [container] = cluster.tasks[0].overrides["containerOverrides"]
    assert container == {
        "name": "migration",
        "environment": [{"name": "COMPATIBLE_REVISIONS", "value": "0002"}],
    }


def test_an_image_that_names_no_revision_is_fine(inputs: Inputs, behaviour: Behaviour) -> None:
    behaviour.lines = ["   INFO  Nothing to migrate."]
    assert MIGRATION.create(inputs)[1].revision == ""


def test_a_failure_tells_the_code_and_the_last_lines(inputs: Inputs, behaviour: Behaviour) -> None:
    behaviour.lines = [*(f"line {number}" for number in range(20)), "the column is missing"]
    behaviour.code = 1
    assert refusal(inputs) == "\n".join(
        [
            "The migration of release r2 failed with exit code 1. Its last lines in log group pitchbar:",
            *(f"    line {number}" for number in range(6, 20)),
            "    the column is missing",
        ]
    )


def test_a_container_that_never_ran_tells_ecs_reason(inputs: Inputs, ecs: Stubber) -> None:
    ecs.add_response("list_tasks", {"taskArns": []})
    ecs.add_response("run_task", {"tasks": [{"taskArn": ARN}], "failures": []})
    reason = "CannotPullContainerError: manifest unknown"
    ecs.add_response("describe_tasks", described("STOPPED", {"name": "migration", "reason": reason}, stopped="Failed"))
    assert refusal(inputs) == (
        "The migration of release r2 failed before its container ran (CannotPullContainerError: manifest unknown; "
        "Failed). It logged nothing in log group pitchbar."
    )


def test_a_task_that_ecs_cannot_place_is_told(inputs: Inputs, ecs: Stubber) -> None:
    ecs.add_response("list_tasks", {"taskArns": []})
    ecs.add_response("run_task", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    assert refusal(inputs) == (
        "The migration of release r2 could not start: ECS says RESOURCE:MEMORY. Run `pulumi up` again."
    )


def test_a_permission_that_lacks_is_named(inputs: Inputs, ecs: Stubber) -> None:
    ecs.add_client_error("list_tasks", "AccessDeniedException", "not authorized to perform ecs:ListTasks.")
    assert refusal(inputs) == (
        "The migration of release r2: AWS refused ListTasks with AccessDeniedException: not authorized to perform "
        "ecs:ListTasks. Give the role of this stack that permission (`pitchbar bootstrap`)."
    )


def test_what_takes_too_long_is_stopped(cluster: Cluster, inputs: Inputs, slow: None) -> None:
    patient = Inputs(**{**vars(inputs), "timeout": 0})
    assert refusal(patient) == (
        "The migration of release r2 did not end within 0 s and was stopped. Its last lines in log group pitchbar:\n"
        '    {"from": null, "to": "0002"}'
    )
    assert cluster.tasks[0].desired_status == "STOPPED"
    assert cluster.tasks[0].stopped_reason == "Pitchbar: the update was stopped or took too long"


def test_an_interrupt_stops_the_task(
    cluster: Cluster, inputs: Inputs, slow: None, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = threading.Event()
    monkeypatch.setattr(cancellation, "_cancelled", cancelled)
    behaviour.started = cancelled.set
    assert refusal(inputs) == "The update was cancelled. What served before still serves; run `pulumi up` to go on."
    assert cluster.tasks[0].desired_status == "STOPPED"


def test_what_a_killed_update_left_running_is_ended_first(cluster: Cluster, inputs: Inputs, slow: None) -> None:
    with pytest.raises(UserError):
        MIGRATION.create(Inputs(**{**vars(inputs), "timeout": 0}))
    cluster.tasks[0].desired_status = "RUNNING"  # As if nobody had stopped it.
    state_manager.set_transition("ecs::task", {"progression": "immediate"})

    MIGRATION.create(inputs)

    left, new = cluster.tasks
    assert left.stopped_reason == "Pitchbar: a newer update took its place"
    assert new.started_by == left.started_by


def test_a_database_is_made_and_dropped_only_when_it_is_not_retained(cluster: Cluster) -> None:
    arguments = cluster.arguments()
    kept = DATABASE.create(DatabaseInputs(**arguments, name="pitchbar"))[1]
    DATABASE.delete("pitchbar", kept)
    assert [action(task) for task in cluster.tasks] == ["create"]

    gone = DATABASE.create(DatabaseInputs(**arguments, name="pr_12", retain=False))[1]
    DATABASE.delete("pr_12", gone)
    assert [action(task) for task in cluster.tasks] == ["create", "create", "drop"]


def test_another_name_is_another_database() -> None:
    assert DATABASE.replaces == {"name"}


ARN = f"arn:aws:ecs:{REGION}:123456789012:task/pitchbar/0123456789abcdef"


def action(task: Any) -> str:
    [container] = task.overrides["containerOverrides"]
    [variable] = container["environment"]
    assert variable["name"] == "ACTION"
    return str(variable["value"])


def described(status: str, container: dict[str, Any], stopped: str) -> dict[str, Any]:
    task = {"taskArn": ARN, "lastStatus": status, "containers": [container], "stoppedReason": stopped}
    return {"tasks": [task], "failures": []}


@pytest.fixture
def ecs(cluster: Cluster) -> Iterator[Stubber]:
    """Answers of ECS in a given order, where moto is not faithful; each has AWS' shape, which botocore checks."""
    with Stubber(session.client("ecs", REGION)) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def slow() -> Iterator[None]:
    """Tasks that run until they are stopped."""
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1_000_000})
    yield
    state_manager.unset_transition("ecs::task")


def test_the_modules_are_imported_without_boto3() -> None:
    assert "boto3" not in vars(migration)

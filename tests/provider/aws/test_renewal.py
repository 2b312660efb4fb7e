"""The renewal before an app-key's previous value is retired, as a one-off task on moto's ECS."""

import json
from typing import Any

import boto3
import pytest
from moto.moto_api import state_manager

from infra.errors import UserError
from infra.provider.aws.renewal import Inputs, RenewalResource
from infra.provider.aws.task import OneOff, TaskInputs
from tests.provider.aws.conftest import REGION, Behaviour, Cluster

RENEWAL = RenewalResource()
KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-key:APP_KEY::2"


@pytest.fixture
def given(cluster: Cluster, behaviour: Behaviour) -> dict[str, Any]:
    """Of a renewal that retires version 1."""
    behaviour.lines = ["something else", json.dumps({"renewed": 3})]
    about = {"release": "r2", "version": 2, "retire": True, "app_key": KEY, "families": "pitchbar-staging-"}
    return cluster.arguments(**about)


def start(cluster: Cluster, key: str, family: str = "pitchbar-staging-app") -> None:
    """A task of the stack that runs on, with the app-key from there."""
    container = {
        "name": "app",
        "image": "pitchbar",
        "memory": 512,
        "secrets": [{"name": "APP_KEY", "valueFrom": key}],
    }
    definition = boto3.client("ecs", region_name=REGION).register_task_definition(
        family=family, networkMode="awsvpc", containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1_000_000})
    OneOff("It", TaskInputs(**cluster.arguments(task_definition=definition, container="app")))._start({})
    state_manager.set_transition("ecs::task", {"progression": "immediate"})
    cluster.tasks[-1].last_status = "RUNNING"


@pytest.fixture(autouse=True)
def transitions() -> Any:
    """As they were."""
    yield
    state_manager.unset_transition("ecs::task")


def test_it_renews_once_and_says_how_many(cluster: Cluster, given: dict[str, Any]) -> None:
    id, state = RENEWAL.create(Inputs(**given))
    [task] = cluster.tasks
    assert (id, state.renewed, state.task) == ("renewal", 3, task.task_arn)
    assert task.task_definition_arn == given["task_definition"]


def test_while_both_are_accepted_nothing_runs(cluster: Cluster, given: dict[str, Any]) -> None:
    assert RENEWAL.create(Inputs(**{**given, "retire": False}))[1].renewed == 0
    assert cluster.tasks == []


def test_another_release_is_no_reason_to_renew_again() -> None:
    assert {"release", "task_definition", "app_key"} <= RENEWAL.ignored
    assert RENEWAL.ignored & {"version", "retire"} == set()


def test_a_task_with_the_key_before_refuses_it(cluster: Cluster, given: dict[str, Any]) -> None:
    start(cluster, KEY.replace("::2", "::1"))
    with pytest.raises(UserError) as refused:
        RENEWAL.create(Inputs(**given))
    assert str(refused.value) == (
        "pitchbar-staging-app:1 still runs with the app-key before the rotation, so that can't be retired. "
        "Run `pitchbar up`, which finishes the rotation, then retire it."
    )
    assert len(cluster.tasks) == 1


@pytest.mark.parametrize(
    ("key", "family"), [(KEY, "pitchbar-staging-app"), (KEY.replace("::2", "::1"), "pitchbar-pr-12-app")]
)
def test_tasks_with_the_current_key_and_those_of_others_are_fine(
    cluster: Cluster, given: dict[str, Any], key: str, family: str
) -> None:
    start(cluster, key, family)
    assert RENEWAL.create(Inputs(**given))[1].renewed == 3


def test_a_failure_tells_why(given: dict[str, Any], behaviour: Behaviour) -> None:
    behaviour.lines, behaviour.code = ["The settings were left as they are: no key decrypts them"], 1
    with pytest.raises(UserError) as refused:
        RENEWAL.create(Inputs(**given))
    assert str(refused.value) == (
        "The renewal of what is encrypted, by release r2, failed with exit code 1. Its last lines in log group "
        "pitchbar:\n    The settings were left as they are: no key decrypts them"
    )


def test_a_command_that_says_no_count_is_refused(given: dict[str, Any], behaviour: Behaviour) -> None:
    behaviour.lines = ["done"]
    with pytest.raises(UserError) as refused:
        RENEWAL.create(Inputs(**given))
    assert str(refused.value).endswith('logged no last line of the form {"renewed": COUNT}.')


def test_a_release_without_the_command_can_not_retire(cluster: Cluster, given: dict[str, Any]) -> None:
    with pytest.raises(UserError) as refused:
        RENEWAL.create(Inputs(**{**given, "has_command": False}))
    assert "has no command that encrypts settings anew" in str(refused.value)
    assert cluster.tasks == []

"""Generated secrets: where they are kept, how tasks get them, what a rotation changes."""

import json
from typing import Any

import pytest

from infra.stack_config import Rotation
from tests.support.aws.stores import KEYS, OWN, PULL_REQUEST, stores
from tests.support.engine import Recording, Registered

GENERATED, STORED = "pitchbar:index:Secret", "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ENVIRONMENTS = (*OWN, PULL_REQUEST)
ENVIRONMENT = {
    "ADMIN_PASSWORD": "admin-password.value",
    "DB_PASSWORD": "database-password.value",
    "INTERNAL_QUEUE_TOKEN": "queue-token.value",
    "REDIS_PASSWORD": "redis-password.value",
    "REVERB_APP_KEY": "realtime-key.value",
    "REVERB_APP_SECRET": "realtime-secret.value",
}
ROTATING = ("queue-token", Rotation(2))
RETIRED = ("queue-token", Rotation(2, retired=True))


def by_name(recording: Recording, kind: str) -> dict[str, Registered]:
    return {each.name: each for each in recording.of(kind)}


def values(recording: Recording, name: str) -> Any:
    return json.loads(by_name(recording, VERSION)[name].inputs["secretString"])


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_each_value_is_stored_once_and_by_its_variables_name(stack: str) -> None:
    recording = stores(stack)
    assert set(by_name(recording, STORED)) == set(by_name(recording, VERSION)) == {"app-key", "environment"}
    assert values(recording, "app-key") == {"APP_KEY": "app-key.value"}
    assert values(recording, "environment") == ENVIRONMENT


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_values_are_secrets_of_the_state_and_references_are_none(stack: str) -> None:
    recording = stores(stack)
    for version in recording.of(VERSION):
        assert version.secrets == {"secretString"}
    variables = {"APP_KEY", *ENVIRONMENT}
    assert variables.isdisjoint(recording.secret_outputs)
    assert {name for name in recording.outputs if name.startswith("keys.")} <= recording.secret_outputs


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_task_is_given_the_key_in_the_json_and_the_version(stack: str) -> None:
    recording = stores(stack)
    for variable in ("APP_KEY", *ENVIRONMENT):
        secret = "app-key" if variable == "APP_KEY" else "environment"
        assert recording.outputs[variable] == (f"{arn(recording, secret)}:{variable}::{secret}.versionId")
    assert recording.outputs["readable"] == [arn(recording, "app-key"), arn(recording, "environment")]


def arn(recording: Recording, name: str) -> str:
    [found] = {each for each in recording.outputs["readable"] if f"-{name}-" in each}
    return str(found)


@pytest.mark.parametrize("stack", OWN)
def test_app_key_has_its_own_key_and_a_replica_elsewhere(stack: str) -> None:
    recording = stores(stack)
    secret, second = by_name(recording, STORED)["app-key"], "us-west-2"
    [replica] = secret.inputs["replicas"]
    assert replica["region"] == second
    assert origins(recording, secret, "kmsKeyId") == {("aws:kms/key:Key", "app-key")}
    assert origins(recording, secret, "replicas") == {("aws:kms/replicaKey:ReplicaKey", "app-key")}
    own = recording.outputs["key_arns"][0]
    assert secret.inputs["kmsKeyId"] == own != replica["kmsKeyId"]
    assert by_name(recording, STORED)["environment"].inputs["kmsKeyId"] == recording.outputs["data_key_arn"] != own


def origins(recording: Recording, resource: Registered, key: str) -> set[tuple[str, str]]:
    return {(each.type, each.name) for each in recording if each.urn in resource.sources[key]}


def test_a_pull_requests_app_key_is_worth_neither() -> None:
    recording = stores(PULL_REQUEST)
    assert "replicas" not in by_name(recording, STORED)["app-key"].inputs
    assert recording.outputs["key_arns"] == [KEYS.data_key_arn, KEYS.data_key_arn]


@pytest.mark.parametrize(("stack", "days"), [("production", 30), ("staging", 30), (PULL_REQUEST, 0)])
def test_how_long_a_deleted_secret_can_be_had_back(stack: str, days: int) -> None:
    recording = stores(stack)
    for secret in recording.of(STORED):
        assert secret.inputs["recoveryWindowInDays"] == days
        assert secret.options.protect is (stack == "production")
    assert {each.options.protect for each in recording.of(GENERATED)} == {stack == "production"}


def test_the_zones_token_belongs_to_who_owns_the_load_balancer() -> None:
    assert stores("staging").outputs["origin_tokens"] == ["origin-token.value", "origin-token.previous"]
    assert "origin_tokens" in stores("staging").secret_outputs
    assert "origin-token" not in by_name(stores(PULL_REQUEST), GENERATED)


def test_a_version_that_goes_leaves_its_value_to_tasks_of_the_previous_release() -> None:
    assert {each.options.retain_on_delete for each in stores("staging").of(VERSION)} == {True}


def test_every_app_key_that_was_ever_in_use_can_be_had_by_its_number() -> None:
    kept = by_name(stores("staging", (("app-key", Rotation(3, retired=True)),)), VERSION)
    assert kept["app-key"].inputs["versionStages"] == ["AWSCURRENT", "v3"]
    assert by_name(stores("staging"), VERSION)["app-key"].inputs["versionStages"] == ["AWSCURRENT", "v1"]
    assert "versionStages" not in kept["environment"].inputs


def test_while_a_secret_is_rotated_the_value_before_is_there_too() -> None:
    recording = stores("staging", (ROTATING,))
    made = by_name(recording, GENERATED)["queue-token"].inputs
    assert (made["version"], made["retire_previous"]) == (2, False)
    assert values(recording, "environment") == {
        **ENVIRONMENT,
        "INTERNAL_QUEUE_TOKEN_PREVIOUS": "queue-token.previous",
    }
    assert "INTERNAL_QUEUE_TOKEN_PREVIOUS" in recording.outputs
    assert "APP_PREVIOUS_KEYS" not in recording.outputs


def test_once_it_is_retired_nobody_is_given_it_any_more() -> None:
    """An empty value could not be told from a missing one by ECS, which fails for a key that isn't there."""
    recording = stores("staging", (RETIRED,))
    assert by_name(recording, GENERATED)["queue-token"].inputs["retire_previous"] is True
    assert values(recording, "environment") == ENVIRONMENT
    assert "INTERNAL_QUEUE_TOKEN_PREVIOUS" not in recording.outputs


def test_a_rotated_app_key_still_opens_what_was_encrypted_before() -> None:
    recording = stores("staging", (("app-key", Rotation(2)),))
    assert values(recording, "app-key") == {"APP_KEY": "app-key.value", "APP_PREVIOUS_KEYS": "app-key.previous"}
    assert recording.outputs["APP_PREVIOUS_KEYS"].endswith(":APP_PREVIOUS_KEYS::app-key.versionId")

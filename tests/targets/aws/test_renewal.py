"""What staging makes on AWS of an app-key that is rotated: who gets which key, and when the one before goes."""

import json
from typing import Any

import pytest

from tests.support.aws.program import program
from tests.support.engine import Recording

RENEWAL, MIGRATION = "pitchbar:aws:Renewal", "pitchbar:aws:Migration"
DEFINITION, SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
STORED = "aws:secretsmanager/secretVersion:SecretVersion"
READERS = ("app", "worker")
"""The processes that decrypt settings."""


def rotated(rotation: str) -> Recording:
    return program("staging", rotations=rotation)


def secrets(recording: Recording, task: str) -> dict[str, str]:
    [made] = [made for made in recording.of(DEFINITION) if made.name == task]
    [container] = json.loads(made.inputs["containerDefinitions"])
    return {item["name"]: item["valueFrom"] for item in container["secrets"]}


def app_key(recording: Recording) -> Any:
    return next(made for made in recording.of(STORED) if made.name == "app-key").inputs["secretString"]


def test_an_app_key_that_was_never_rotated_has_nothing_to_renew() -> None:
    assert program("staging").of(RENEWAL) == ()


def test_while_it_is_rotated_processes_have_both_keys_and_nothing_is_renewed() -> None:
    recording = rotated("app-key:2")
    assert (recording.one(RENEWAL).inputs["version"], recording.one(RENEWAL).inputs["retire"]) == (2, False)
    for process in READERS:
        assert {"APP_KEY", "APP_PREVIOUS_KEYS"} <= secrets(recording, process).keys()


def test_what_is_encrypted_is_renewed_before_a_process_loses_the_key_before() -> None:
    recording = rotated("app-key:2:retired")
    renewal = recording.one(RENEWAL)
    assert (renewal.inputs["version"], renewal.inputs["retire"]) == (2, True)
    assert renewal.inputs["app_key"] == secrets(recording, "app")["APP_KEY"]
    assert recording.one(MIGRATION).urn in recording.needs(renewal.urn)
    assert secrets(recording, "renewal").keys() == {"APP_KEY", "APP_PREVIOUS_KEYS", "DB_PASSWORD"}
    for process in READERS:
        assert "APP_PREVIOUS_KEYS" not in secrets(recording, process)
    for service in recording.of(SERVICE):
        assert renewal.urn in recording.needs(service.urn)


def test_retiring_stores_no_other_version_so_that_running_tasks_can_be_recognized() -> None:
    assert app_key(rotated("app-key:2")) == app_key(rotated("app-key:2:retired"))
    assert "APP_PREVIOUS_KEYS" not in app_key(program("staging"))


@pytest.mark.parametrize("rotation", ["app-key:2", "app-key:2:retired"])
def test_a_preview_can_rotate_too(rotation: str) -> None:
    assert program("pr-12", rotations=rotation).one(RENEWAL).inputs["families"] == "pitchbar-pr-12-"

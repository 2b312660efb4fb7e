"""What the local target makes of an app-key that is rotated: who gets which key, and when the one before goes."""

from infra.load import environment, load
from infra.stack_config import Rotation
from tests.support.engine import Recording
from tests.targets.conftest import RELEASE, landed

SERVICE, SECRET, RENEWAL = "pitchbar:local:Service", "pitchbar:index:Secret", "pitchbar:local:Renewal"


def rotated(rotation: Rotation) -> Recording:
    return landed(environment(load(), "local"), rotations={"app-key": rotation})


def test_an_app_key_that_was_never_rotated_has_nothing_to_renew(recording: Recording) -> None:
    assert recording.of(RENEWAL) == ()


def test_a_rotated_app_key_is_given_to_the_processes_with_the_one_before() -> None:
    recording = rotated(Rotation(2))
    [secret] = [found for found in recording.of(SECRET) if found.name == "app-key"]
    assert (secret.inputs["version"], secret.inputs["retire_previous"]) == (2, False)
    assert recording.one(RENEWAL).inputs["retire"] is False
    for service in recording.of(SERVICE):
        assert service.inputs["environment"]["APP_PREVIOUS_KEYS"] == "app-key.previous"


def test_what_is_encrypted_is_renewed_before_a_process_loses_the_key_before() -> None:
    recording = rotated(Rotation(2, retired=True))
    renewal, migration = recording.one(RENEWAL), recording.one("pitchbar:local:Migration")
    assert renewal.inputs["command"] == ["release.python", "-m", "pitchbar_app", "renew-settings"]
    assert (renewal.inputs["version"], renewal.inputs["retire"]) == (2, True)
    keys = {name: value for name, value in renewal.inputs["environment"].items() if name.startswith("APP_")}
    assert keys == {
        "APP_ENV": "local",
        "APP_RELEASE": RELEASE,
        "APP_KEY": "app-key.value",
        "APP_PREVIOUS_KEYS": "app-key.previous",
    }
    assert "environment.APP_PREVIOUS_KEYS" in renewal.secrets
    assert migration.urn in recording.needs(renewal.urn)
    for service in recording.of(SERVICE):
        assert service.inputs["environment"]["APP_PREVIOUS_KEYS"] == ""
        assert renewal.urn in recording.needs(service.urn)

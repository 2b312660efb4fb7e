"""Rotating and retiring a secret are numbers in the stack's configuration."""

from pathlib import Path

import pytest

from infra.errors import UserError
from infra.ops import rotation, stacks
from infra.ops.making import write_config
from infra.ops.stacks import Stack
from infra.stack_config import Rotation, parse_stack_config


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text("encryptionsalt: v1:x\nconfig:\n  pitchbar:environment: local\n")
    return Stack("local", True, file)


def written(stack: Stack) -> str:
    return stacks.settings(stack).get("rotations", "")


def test_rotations_count_up_and_are_retired(stack: Stack) -> None:
    rotation.rotate(stack, "queue-token")
    assert written(stack) == "queue-token:2"
    rotation.retire(stack, "queue-token")
    assert written(stack) == "queue-token:2:retired"
    rotation.rotate(stack, "queue-token")
    assert written(stack) == "queue-token:3"
    assert stacks.read_yaml(stack.config_file)["encryptionsalt"] == "v1:x"
    assert stacks.settings(stack).get("environment", "") == "local"


@pytest.mark.parametrize("secret", ["app-key", "queue-token"])
def test_one_previous_value_is_kept_so_it_is_retired_before_the_next_rotation(stack: Stack, secret: str) -> None:
    rotation.rotate(stack, secret)
    with pytest.raises(UserError) as caught:
        rotation.rotate(stack, secret)
    assert f"The {secret} of stack local was rotated already, and its previous value is still accepted." in str(
        caught.value
    )
    assert f"retire {secret} -s local" in str(caught.value)
    assert written(stack) == f"{secret}:2"


def test_secrets_are_rotated_apart(stack: Stack) -> None:
    rotation.rotate(stack, "queue-token")
    rotation.rotate(stack, "app-key")
    rotation.retire(stack, "queue-token")
    assert written(stack) == "app-key:2,queue-token:2:retired"


def test_what_was_never_rotated_can_not_be_retired(stack: Stack) -> None:
    with pytest.raises(UserError) as caught:
        rotation.retire(stack, "queue-token")
    assert "The queue-token of stack local was not rotated, so there is no previous value to retire." in str(
        caught.value
    )
    assert "rotate queue-token -s local" in str(caught.value)


def test_a_declined_rotation_is_taken_back(stack: Stack) -> None:
    before = stacks.read_yaml(stack.config_file)
    rotation.rotate(stack, "queue-token")
    rotation.put_back(stack, before)
    assert stacks.read_yaml(stack.config_file) == before


def test_the_program_reads_what_was_written() -> None:
    own = {"pitchbar:environment": "local", "pitchbar:rotations": "queue-token:2:retired"}
    assert parse_stack_config(own, "local").rotations == {"queue-token": Rotation(2, True)}
    assert parse_stack_config({"pitchbar:environment": "local"}, "local").rotations == {}


@pytest.mark.parametrize(
    "text", ["queue-token", "queue-token:1", "queue-token:0", "redis-password:2", "queue-token:2:x"]
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_stack_config({"pitchbar:environment": "local", "pitchbar:rotations": text}, "local")
    assert (
        f'pitchbar:rotations: found "{text}". It is a secret (app-key, origin-token or queue-token) with its version, '
        "from 2 on, and once more :retired. Type: `pulumi config set pitchbar:rotations app-key:2`."
    ) in str(caught.value)


def test_a_release_that_looks_like_a_number_stays_a_text(stack: Stack) -> None:
    write_config(stack.config_file, {"config": {"pitchbar:release": "350061099e34", "pitchbar:domain": "localhost"}})
    assert stack.config_file.read_text() == (
        'config:\n  pitchbar:release: "350061099e34"\n  pitchbar:domain: localhost\n'
    )

"""The token by which the load balancer knows our zone, while it is rotated."""

from typing import Any

import pytest

from infra.errors import UserError
from infra.stack_config import Rotation, parse_stack_config
from tests.support.aws.program import configuration, program
from tests.support.engine import Recording, Registered

RULE, RULESET = "aws:lb/listenerRule:ListenerRule", "cloudflare:index/ruleset:Ruleset"
SERVED = ("app", "realtime")


def rule(recording: Recording, name: str) -> Registered:
    [found] = [each for each in recording.of(RULE) if each.name == name]
    return found


def taken(recording: Recording, name: str) -> list[str]:
    """The tokens with which a listener rule lets requests in."""
    [header] = [each["httpHeader"] for each in rule(recording, name).inputs["conditions"] if "httpHeader" in each]
    return list(header["values"])


def proof(recording: Recording) -> Registered:
    [found] = [each for each in recording.of(RULESET) if each.name == "origin"]
    return found


def sent(recording: Recording) -> Any:
    return proof(recording).inputs["rules"][0]["actionParameters"]["headers"]["X-Origin-Token"]["value"]


@pytest.mark.parametrize("name", SERVED)
def test_both_are_let_in_until_the_one_before_is_retired(name: str) -> None:
    first, rotated, retired = (
        program("staging", **({"rotations": text} if text else {}))
        for text in ("", "origin-token:2", "origin-token:2:retired")
    )
    assert taken(first, name) == ["origin-token.value"] == taken(retired, name)
    assert taken(rotated, name) == ["origin-token.value", "origin-token.previous"]
    assert {sent(each) for each in (first, rotated, retired)} == {"origin-token.value"}


def test_the_new_one_is_sent_when_all_let_it_in() -> None:
    recording = program("staging", rotations="origin-token:2")
    needed = recording.needs(proof(recording).urn)
    assert {rule(recording, name).urn for name in SERVED} <= needed


def test_a_listener_rule_has_room_for_both() -> None:
    """AWS takes five values in all conditions of a rule."""
    recording = program("production", rotations="origin-token:2")
    for name in SERVED:
        conditions = rule(recording, name).inputs["conditions"]
        assert sum(len(part["values"]) for each in conditions for part in each.values()) <= 5


@pytest.mark.parametrize(
    ("stack", "more"),
    [("pr-12", {}), ("preview-base", {}), ("local", {"pitchbar:environment": "local", "pitchbar:target": "local"})],
)
def test_it_is_rotated_only_by_a_stack_that_owns_its_zones_rules(stack: str, more: dict[str, str]) -> None:
    """A base's stacks would let nobody in until their next update."""
    values = {**(more or configuration(stack)), "pitchbar:rotations": "queue-token:2,origin-token:2"}
    with pytest.raises(UserError) as refused:
        parse_stack_config(values, stack)
    assert (
        'pitchbar:rotations: found "origin-token:2". Only a stack on aws that owns its zone\'s rules, and is no base '
        "of others, can rotate an origin-token. Type: `pulumi config set pitchbar:rotations queue-token:2`."
    ) in str(refused.value)


def test_staging_may() -> None:
    values = {**configuration("staging"), "pitchbar:rotations": "origin-token:2"}
    assert parse_stack_config(values, "staging").rotations == {"origin-token": Rotation(2)}

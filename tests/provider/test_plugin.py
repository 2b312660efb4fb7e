"""The plugin's provider: what it answers the engine, and that a preview touches nothing."""

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, TypeVar

import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from infra.errors import UserError
from infra.provider.marshal import encode, is_unknown
from infra.provider.plugin import RESOURCES, PitchbarProvider, resource_of
from tests.support.recorder import CLASS, TOKEN, Inputs, Recorder, State

URN = f"urn:pulumi:local::pitchbar::pulumi:pulumi:Stack$pitchbar:local:Environment${TOKEN}::thing"
INPUTS = Inputs("n", 1, password="hidden")
STATE = State(**vars(INPUTS), token="made")
UNKNOWN = PropertyValue.computed()
A = TypeVar("A")


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    monkeypatch.setitem(RESOURCES, TOKEN, CLASS)
    Recorder.calls.clear()
    yield Recorder


def answer(request: Coroutine[Any, Any, A]) -> A:
    return asyncio.run(request)


def check(**changes: PropertyValue) -> dict[str, str]:
    request = rpc.CheckRequest(URN, {}, {**encode(INPUTS), **changes}, b"")
    failures = answer(PitchbarProvider().check(request)).failures or []
    return {failure.property: failure.reason for failure in failures}


def diff(state: State = STATE, **changes: PropertyValue) -> rpc.DiffResponse:
    request = rpc.DiffRequest(URN, "id", encode(state), {**encode(INPUTS), **changes}, [])
    return answer(PitchbarProvider().diff(request))


def kinds(response: rpc.DiffResponse) -> dict[str, tuple[str, bool]]:
    return {name: (part.kind.name, part.input_diff) for name, part in (response.detailed_diff or {}).items()}


def create(properties: dict[str, PropertyValue], *, preview: bool = False) -> rpc.CreateResponse:
    return answer(PitchbarProvider().create(rpc.CreateRequest(URN, properties, 0, preview)))


def update(properties: dict[str, PropertyValue], *, preview: bool = False) -> rpc.UpdateResponse:
    request = rpc.UpdateRequest(URN, "id", encode(STATE), properties, timeout=0, ignore_changes=[], preview=preview)
    return answer(PitchbarProvider().update(request))


def read(state: State) -> rpc.ReadResponse:
    return answer(PitchbarProvider().read(rpc.ReadRequest(URN, "id", encode(state), encode(INPUTS))))


def revealed(properties: Mapping[str, PropertyValue]) -> set[Any]:
    """Every value that is neither a secret nor inside one."""
    found: set[Any] = set()
    for part in properties.values():
        if part.is_secret:
            continue
        if isinstance(part.value, Mapping):
            found |= revealed(part.value)
        elif not isinstance(part.value, tuple):
            found.add(part.value)
    return found


def test_right_inputs_pass_and_reach_the_resources_own_check() -> None:
    assert check() == {}
    assert Recorder.calls == ["check"]


def test_a_wrong_type_fails_on_its_property_and_the_resource_is_not_asked() -> None:
    assert check(count=PropertyValue("3")) == {"count": "must be a whole number, not a string"}
    assert Recorder.calls == []


def test_the_resources_reason_fails_on_its_property() -> None:
    assert check(count=PropertyValue(-1.0)) == {"count": "is negative"}


def test_inputs_with_something_unknown_are_judged_by_type_only() -> None:
    assert check(count=UNKNOWN, on=PropertyValue("yes")) == {"on": "must be true or false, not a string"}
    assert check(count=UNKNOWN) == {}
    assert Recorder.calls == []


def test_check_gives_the_inputs_back_with_their_secrets() -> None:
    request = rpc.CheckRequest(URN, {}, encode(INPUTS), b"")
    assert answer(PitchbarProvider().check(request)).inputs == encode(INPUTS)


def test_nothing_changed_is_no_difference() -> None:
    response = diff()
    assert (response.changes, response.replaces, response.diffs, response.detailed_diff) == (False, [], [], {})


def test_an_input_that_is_left_out_is_compared_by_its_default() -> None:
    inputs = {name: part for name, part in encode(INPUTS).items() if name not in ("ratio", "words", "labels", "on")}
    request = rpc.DiffRequest(URN, "id", encode(STATE), inputs, [])
    assert answer(PitchbarProvider().diff(request)).changes is False


def test_a_changed_input_is_an_update() -> None:
    response = diff(count=PropertyValue(2.0))
    assert (response.changes, response.replaces, response.diffs) == (True, [], ["count"])
    assert kinds(response) == {"count": ("UPDATE", True)}


def test_a_changed_identity_is_a_replacement_that_is_created_first() -> None:
    response = diff(name=PropertyValue("other"), count=PropertyValue(2.0))
    assert (response.changes, response.replaces, response.delete_before_replace) == (True, ["name"], False)
    assert kinds(response) == {"name": ("UPDATE_REPLACE", True), "count": ("UPDATE", True)}


def test_what_refresh_found_stopped_is_an_update_though_no_input_changed() -> None:
    response = diff(State(**vars(INPUTS), token="made", running=False))
    assert (response.changes, response.replaces, response.diffs) == (True, [], ["running"])
    assert kinds(response) == {"running": ("UPDATE", False)}


def test_an_unknown_input_counts_as_changed() -> None:
    assert kinds(diff(count=UNKNOWN)) == {"count": ("UPDATE", True)}
    assert kinds(diff(labels=PropertyValue({"k": UNKNOWN}))) == {"labels": ("UPDATE", True)}
    assert diff(name=UNKNOWN).replaces == ["name"]


def test_a_state_of_an_earlier_version_lacks_what_is_new() -> None:
    old = {name: part for name, part in encode(STATE).items() if name not in ("sizes", "token")}
    request = rpc.DiffRequest(URN, "id", {**old, "dropped": PropertyValue("x")}, encode(INPUTS), [])
    assert answer(PitchbarProvider().diff(request)).changes is False


@pytest.mark.parametrize("name", ["Postgres", "Migration", "BackupServer"])
def test_data_that_an_earlier_version_gave_no_name_is_no_difference(name: str) -> None:
    """As `pulumi up` sends it after an upgrade: neither state nor inputs have a `cluster`."""
    token = f"pitchbar:local:{name}"
    resource = resource_of(token)
    known: dict[str, Any] = {"port": 0.0, "retention": 30.0, "timeout": 60.0, "command": [], "environment": {}}
    inputs = {
        field.name: PropertyValue(known.get(field.name, "x"))
        for field in dataclasses.fields(resource.inputs)
        if field.name not in ("cluster", "settings")
    }
    given = {**inputs, **({} if name == "Postgres" else {"cluster": PropertyValue(None)})}
    request = rpc.DiffRequest(
        f"{URN.rpartition('$')[0]}${token}::x", "id", {**inputs, "running": PropertyValue(True)}, given, []
    )
    response = answer(PitchbarProvider().diff(request))
    assert (response.changes, response.diffs) == (False, [])


def test_create_gives_the_state_with_its_secrets() -> None:
    response = create(encode(INPUTS))
    assert (response.resource_id, Recorder.calls) == ("id-of-n", ["create"])
    assert response.properties == encode(STATE)
    assert response.properties["token"].is_secret


def test_a_preview_of_a_create_calls_no_effect_and_claims_nothing_computed() -> None:
    response = create({**encode(INPUTS), "count": UNKNOWN}, preview=True)
    assert Recorder.calls == []
    assert response.properties == {**encode(INPUTS), "count": UNKNOWN}


def test_update_gives_the_new_state() -> None:
    response = update({**encode(INPUTS), "count": PropertyValue(2.0)})
    assert Recorder.calls == ["update"]
    assert response.properties == {**encode(STATE), "count": PropertyValue(2.0)}


def test_a_preview_of_an_update_calls_no_effect() -> None:
    response = update({**encode(INPUTS), "count": UNKNOWN}, preview=True)
    assert Recorder.calls == []
    assert response.properties == {**encode(STATE), "count": UNKNOWN}


def test_a_preview_of_an_update_claims_nothing_that_the_changed_input_determines() -> None:
    response = update({**encode(INPUTS), "ratio": PropertyValue(0.7)}, preview=True)
    later = {name: value.is_secret for name, value in response.properties.items() if is_unknown(value)}
    assert later == {"token": True, "size": False}
    PropertyValue.marshal_map(response.properties)
    assert response.properties["running"] == PropertyValue(True)
    response = update({**encode(INPUTS), "words": PropertyValue([UNKNOWN])}, preview=True)
    assert {name for name, value in response.properties.items() if is_unknown(value)} == {"words", "size"}
    assert response.properties["token"] == encode(STATE)["token"]


@pytest.mark.parametrize("token", sorted(RESOURCES))
def test_every_computed_property_says_what_determines_it(token: str) -> None:
    """`running` is what a refresh finds; the name of a generation or of data is made once, at the creation."""
    resource = resource_of(token)
    inputs, state = (set(part.__dataclass_fields__) for part in (resource.inputs, resource.state))
    determined = {name for _, name in resource.determines}
    assert {input for input, _ in resource.determines} <= inputs
    assert state - inputs - {"running", "generation", "cluster"} == determined


def test_a_value_given_as_a_secret_stays_one_in_every_answer() -> None:
    given = {**encode(INPUTS), "labels": PropertyValue({"k": PropertyValue("v", is_secret=True)})}
    for response in (create(given), update(given), create(given, preview=True), update(given, preview=True)):
        assert "v" not in revealed(response.properties)
    refreshed = answer(PitchbarProvider().read(rpc.ReadRequest(URN, "id", {**encode(STATE), **given}, given)))
    assert "v" not in revealed(refreshed.properties)


def test_read_gives_what_is_there() -> None:
    response = read(STATE)
    assert (response.resource_id, response.properties["running"].value) == ("id", False)
    assert response.inputs == encode(INPUTS)


def test_read_of_something_gone_gives_no_id() -> None:
    response = read(State("gone", 1))
    assert (response.resource_id, response.properties) == ("", {})


def test_an_import_is_refused_in_words() -> None:
    with pytest.raises(UserError) as refusal:
        answer(PitchbarProvider().read(rpc.ReadRequest(URN, "id", {}, {})))
    assert str(refusal.value) == (
        "pitchbar:test:Recorder can't be imported: it is made by the program. Remove the import and run `pulumi up`."
    )


def test_delete_reaches_the_resource() -> None:
    answer(PitchbarProvider().delete(rpc.DeleteRequest(URN, "id", encode(STATE), timeout=0)))
    assert Recorder.calls == ["delete"]


def test_a_type_is_known_with_its_parents_and_without() -> None:
    assert isinstance(resource_of(TOKEN), Recorder)
    assert isinstance(resource_of(f"pulumi:pulumi:Stack$pitchbar:local:Environment${TOKEN}"), Recorder)


def test_an_unknown_type_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RESOURCES, TOKEN)
    with pytest.raises(UserError) as refusal:
        resource_of("pulumi:pulumi:Stack$pitchbar:local:Nothing")
    assert str(refusal.value) == (
        f"The pitchbar plugin has no resource type pitchbar:local:Nothing; it has {', '.join(sorted(RESOURCES))}."
    )


@pytest.mark.parametrize("token", sorted(RESOURCES))
def test_every_state_repeats_its_inputs_and_every_identity_is_an_input(token: str) -> None:
    resource = resource_of(token)
    inputs, state = set(resource.inputs.__dataclass_fields__), set(resource.state.__dataclass_fields__)
    assert inputs <= state
    assert resource.replaces <= inputs


def test_work_that_blocks_does_not_stop_other_requests() -> None:
    provider = PitchbarProvider()

    async def both() -> list[str]:
        order: list[str] = []

        async def effect() -> None:
            await provider.create(rpc.CreateRequest(URN, encode(Inputs("slow", 1)), 0, False))
            order.append("create")

        async def question() -> None:
            await asyncio.sleep(0.05)
            await provider.diff(rpc.DiffRequest(URN, "id", encode(STATE), encode(INPUTS), []))
            order.append("diff")

        await asyncio.gather(effect(), question())
        return order

    assert asyncio.run(both()) == ["diff", "create"]

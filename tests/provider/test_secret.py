"""Generated secrets and their rotation."""

import base64
import re

import pytest

from infra.provider.secret import Inputs, SecretResource, State

RESOURCE = SecretResource()


def create(inputs: Inputs) -> State:
    return RESOURCE.create(inputs)[1]


@pytest.mark.parametrize(
    ("kind", "form"),
    [("token", r"[0-9a-f]{64}"), ("password", r"[A-Za-z0-9_-]{24}"), ("key", r"base64:[A-Za-z0-9+/]{43}=")],
)
def test_each_kind_has_its_form(kind: str, form: str) -> None:
    assert re.fullmatch(form, create(Inputs(kind)).value)


def test_a_key_is_laravels_for_aes_256() -> None:
    assert len(base64.b64decode(create(Inputs("key")).value.removeprefix("base64:"))) == 32


def test_no_two_are_the_same() -> None:
    assert len({create(Inputs("token")).value for _ in range(20)}) == 20


def test_the_first_has_no_previous() -> None:
    assert create(Inputs("token")).previous == ""


def test_it_is_not_in_the_repr() -> None:
    state = create(Inputs("token"))
    assert state.value not in repr(state)


def test_an_update_without_a_new_version_keeps_the_value() -> None:
    state = create(Inputs("token"))
    assert RESOURCE.update("id", state, Inputs("token")) == state


def test_rotation_keeps_the_one_before_until_it_is_retired() -> None:
    first = create(Inputs("token"))
    second = RESOURCE.update("id", first, Inputs("token", version=2))
    assert second.value != first.value
    assert second.previous == first.value
    retired = RESOURCE.update("id", second, Inputs("token", version=2, retire_previous=True))
    assert (retired.value, retired.previous) == (second.value, "")


def test_the_next_rotation_after_a_retirement_keeps_the_one_before_again() -> None:
    state = create(Inputs("token", version=2, retire_previous=True))
    rotated = RESOURCE.update("id", state, Inputs("token", version=3))
    assert rotated.previous == state.value


def test_a_refresh_finds_it_as_it_is() -> None:
    state = create(Inputs("token"))
    assert RESOURCE.read("id", state) == state


def test_wrong_inputs_are_refused_on_their_property() -> None:
    assert RESOURCE.check(Inputs("sword", version=0)) == {
        "kind": "is 'sword'; it must be one of token, password, key",
        "version": "is 0; the first version is 1",
    }
    assert RESOURCE.check(Inputs("password", version=7)) == {}

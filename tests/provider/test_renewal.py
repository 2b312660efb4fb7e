"""The gate before an app-key's previous value is retired, on the bundled app and a real database."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.errors import UserError
from infra.provider.local import service
from infra.provider.local.layout import ACCEPTED
from infra.provider.local.renewal import Inputs, RenewalResource
from infra.provider.local.run import run
from tests.support.environment import DATABASE_PASSWORD, PYTHON, Furnished, standin_inputs

RESOURCE = RenewalResource()
OLD, NEW, LOST = (f"base64:{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2, 3))
ENCRYPT = """
import os, sys
from pitchbar_app.encryption import Encrypter
from pitchbar_app.secret import Secret
encrypter = Encrypter([Secret(os.environ["APP_KEY"])])
print(encrypter.encrypt(sys.argv[2]) if sys.argv[1] == "encrypt" else encrypter.decrypt(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def empty(made: Furnished) -> Iterator[None]:
    """No settings but those of the test."""
    yield
    with database(made) as connection:
        connection.execute("TRUNCATE app_settings")


def database(made: Furnished) -> psycopg.Connection:
    address = f"host=127.0.0.1 port={made.postgres.bound_port} dbname=pitchbar user=pitchbar"
    return psycopg.connect(address, password=DATABASE_PASSWORD, autocommit=True)


def inputs(made: Furnished, *, retire: bool = True, key: str = NEW, previous: str = OLD, command: str = "") -> Inputs:
    own = (
        (PYTHON, "-I", "-S", "-c", command)
        if command
        else (made.release.python, "-m", "pitchbar_app", "renew-settings")
    )
    environment = {**made.variables("renewal"), "APP_KEY": key, "APP_PREVIOUS_KEYS": previous}
    return Inputs(made.home.directory, made.release.release, made.release.path, own, 60, 2, retire, environment)


def crypt(made: Furnished, action: str, text: str, key: str) -> str:
    command = [made.release.python, "-c", ENCRYPT, action, text]
    return run(
        command, what=action, timeout=30, environment={"APP_KEY": key}, directory=Path(made.release.path)
    ).strip()


def put(made: Furnished, name: str, key: str) -> None:
    with database(made) as connection:
        payload = crypt(made, "encrypt", json.dumps(name), key)
        connection.execute("INSERT INTO app_settings (name, value) VALUES (%s, %s)", (name, payload))


def kept(made: Furnished) -> dict[str, str]:
    with database(made) as connection:
        return dict(connection.execute("SELECT name, value FROM app_settings").fetchall())


def refusal(given: Inputs) -> str:
    with pytest.raises(UserError) as refused:
        RESOURCE.create(given)
    return str(refused.value)


def test_a_retirement_encrypts_anew_what_is_under_the_key_before(made: Furnished) -> None:
    for name, key in (("one", OLD), ("two", OLD), ("three", NEW)):
        put(made, name, key)
    id, state = RESOURCE.create(inputs(made))
    assert (id, state.renewed) == ("renewal", 2)
    assert {name: crypt(made, "decrypt", value, NEW) for name, value in kept(made).items()} == {
        name: json.dumps(name) for name in ("one", "two", "three")
    }


def test_a_rotation_alone_touches_nothing(made: Furnished) -> None:
    put(made, "one", OLD)
    before = kept(made)
    assert RESOURCE.create(inputs(made, retire=False))[1].renewed == 0
    assert kept(made) == before


def test_what_no_key_opens_is_named_and_everything_stays_as_it_is(made: Furnished) -> None:
    for name, key in (("one", OLD), ("lost", LOST), ("lost-too", LOST)):
        put(made, name, key)
    before = kept(made)
    sentence = refusal(inputs(made))
    assert "The renewal of what is encrypted, by release" in sentence
    reason = "The value was encrypted under another key: add that one to APP_PREVIOUS_KEYS."
    assert f"The settings were left as they are: lost: {reason} lost-too: {reason}" in sentence
    assert kept(made) == before


def test_its_command_gets_the_keys_and_its_error_tells_neither(made: Furnished) -> None:
    command = "import os; raise SystemExit(os.environ['APP_KEY'] + ' ' + os.environ['APP_PREVIOUS_KEYS'])"
    assert refusal(inputs(made, command=command)).endswith("\n    [secret] [secret]")


def test_an_answer_that_it_does_not_understand_is_refused(made: Furnished) -> None:
    assert refusal(inputs(made, command="print('done')")).endswith('no last line of the form {"renewed": COUNT}.')


def test_without_a_key_before_there_is_nothing_to_do(made: Furnished) -> None:
    assert RESOURCE.create(inputs(made, previous="", command="raise SystemExit('must not run')"))[1].renewed == 0


def test_a_release_without_the_command_is_refused_in_words(made: Furnished) -> None:
    given = inputs(made)
    without = Inputs(**{**vars(given), "command": ()})
    assert refusal(without) == (
        f"Release {given.release} has no command that encrypts settings anew, so the app-key's previous value can't be "
        "retired. Retire it with a later release."
    )


def test_it_waits_for_processes_that_have_the_key_before_alone(made: Furnished) -> None:
    """As after a rotation whose update failed: the release before still serves."""
    put(made, "one", OLD)
    before, told = kept(made), {"APP_RELEASE": "r1", "APP_PROCESS": "app"}
    resource = service.ServiceResource()
    for key in (OLD, NEW):
        id, state = resource.create(standin_inputs(made.home, environment={**told, "APP_KEY": key}))
        try:
            assert RESOURCE.create(inputs(made, retire=False))
            (service.folder_of(made.home.layout, id) / ACCEPTED).touch()
            if key == OLD:
                assert refusal(inputs(made)) == (
                    f"{id} still runs with the app-key before the rotation, so that can't be retired. "
                    "Run `pitchbar up`, which finishes the rotation, then retire it."
                )
                assert kept(made) == before
            else:
                assert RESOURCE.create(inputs(made))[1].renewed == 1
        finally:
            resource.delete(id, state)

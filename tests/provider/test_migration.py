"""A release's migrate command: its result, its failures, its deadline."""

import os
from pathlib import Path

import psycopg
import pytest

from infra.errors import UserError
from infra.provider.local.migration import Inputs, MigrationResource, State
from tests.support.environment import DATABASE_PASSWORD, PYTHON, Furnished
from tests.support.processes import concerning, wait_until

RESOURCE = MigrationResource()


def inputs(folder: Path, program: str, timeout: int = 60, **environment: str) -> Inputs:
    return Inputs(str(folder), "r1", str(folder), (PYTHON, "-I", "-S", "-c", program), timeout, environment)


def refusal(given: Inputs) -> str:
    with pytest.raises(UserError) as refused:
        RESOURCE.create(given)
    return str(refused.value)


def test_the_apps_own_migration_brings_the_schema_to_its_head(made: Furnished) -> None:
    """The fixture ran it on an empty database; again it changes nothing."""
    command = (made.release.python, "-m", "pitchbar_app", "migrate")
    given = Inputs(made.home.directory, made.release.release, made.release.path, command, 60, made.variables("migrate"))
    id, state = RESOURCE.create(given)
    assert (id, state.revision) == ("migration", made.release.migration_head)
    address = f"host=127.0.0.1 port={made.postgres.bound_port} dbname=pitchbar user=pitchbar"
    with psycopg.connect(address, password=DATABASE_PASSWORD) as connection:
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert revision == made.release.migration_head


def test_its_revision_is_in_the_last_line_that_it_prints(folder: Path) -> None:
    _, state = RESOURCE.create(inputs(folder, """print("working"); print('{"from": null, "to": "0007"}')"""))
    assert state.revision == "0007"


def test_it_runs_in_the_releases_folder_with_its_own_environment_only(folder: Path) -> None:
    os.environ["PITCHBAR_TEST_SECRET"] = "leaks"
    program = "import json, os; print(json.dumps({'to': os.getcwd() + ' ' + ' '.join(sorted(os.environ))}))"
    try:
        _, state = RESOURCE.create(inputs(folder, program, DB_HOST="h"))
    finally:
        del os.environ["PITCHBAR_TEST_SECRET"]
    directory, *names = state.revision.split()
    assert directory == str(folder)
    assert set(names) <= {"DB_HOST", "PATH", "LANG", "LC_CTYPE", "COMPATIBLE_REVISIONS"}
    assert "DB_HOST" in names


def test_a_failure_ends_with_its_last_ten_lines(folder: Path) -> None:
    program = "[print('line', n, flush=True) for n in range(20)]; raise SystemExit('relation x exists')"
    lines = [*(f"line {n}" for n in range(11, 20)), "relation x exists"]
    assert refusal(inputs(folder, program)) == (
        "The migration of release r1 failed with exit code 1. Its last lines:\n"
        + "\n".join(f"    {line}" for line in lines)
    )


def test_a_silent_failure_says_so(folder: Path) -> None:
    assert refusal(inputs(folder, "raise SystemExit(3)")) == (
        "The migration of release r1 failed with exit code 3. Its last lines:\n    (it printed nothing)"
    )


def test_a_failure_never_quotes_a_secret(folder: Path) -> None:
    program = "import os; raise SystemExit('cannot sign in with ' + os.environ['DB_PASSWORD'])"
    sentence = refusal(inputs(folder, program, DB_PASSWORD="s3cret-of-the-database"))
    assert sentence == (
        "The migration of release r1 failed with exit code 1. Its last lines:\n    cannot sign in with [secret]"
    )


def test_past_its_deadline_it_is_stopped_with_all_it_started(folder: Path) -> None:
    program = "import os, time; print('starting', flush=True); os.fork(); time.sleep(300)"
    assert refusal(inputs(folder, program, timeout=4)) == (
        "The migration of release r1 did not end within 4 s and was stopped. Its last lines:\n    starting"
    )
    wait_until(lambda: concerning(folder) == {}, "the command and its child end")


@pytest.mark.parametrize("printed", ["", "done", "[]", "{}", '{"from": 1}', '"to"', '{"to": "1"}\\ntrailing'])
def test_a_result_that_is_none_is_refused(folder: Path, printed: str) -> None:
    assert refusal(inputs(folder, f"print('{printed}')")) == (
        'The migration of release r1 printed no last line of the form {"from": …, "to": REVISION}.'
    )


def test_an_update_runs_it_again(folder: Path) -> None:
    id, state = RESOURCE.create(inputs(folder, """print('{"to": "1"}')"""))
    updated = RESOURCE.update(id, state, inputs(folder, """print('{"to": "2"}')"""))
    assert updated == State(**{**vars(updated), "revision": "2"})


def test_its_environment_is_not_in_the_repr(folder: Path) -> None:
    assert "hidden" not in repr(inputs(folder, "", DB_PASSWORD="hidden"))

"""PostgreSQL: made, adopted, locked, changed, healed, removed."""

import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.errors import UserError
from infra.provider.local import ports
from infra.provider.local.postgres import Inputs, PostgresResource, State
from tests.support.environment import DATABASE_PASSWORD, Environment, owner_name, taken_port
from tests.support.processes import concerning, files_with, kill, runs, wait_until, watched_command_lines

RESOURCE = PostgresResource()
AWKWARD = "it's \"a\" \\ :'x' :y %s ; -- ü"


def inputs(home: Environment, **changes: Any) -> Inputs:
    return Inputs(
        **{
            "directory": home.directory,
            "database": "pitchbar",
            "username": "pitchbar",
            "password": DATABASE_PASSWORD,
            **changes,
        }
    )


@pytest.fixture
def server(home: Environment) -> Iterator[State]:
    """A server that the test may change: the next test gets it as it was, or a new one."""
    _, state = RESOURCE.create(inputs(home))
    yield state


def query(state: State, statement: str, password: str | None = DATABASE_PASSWORD, **where: Any) -> Any:
    address = {"host": "127.0.0.1", "port": state.bound_port, "user": "pitchbar", "dbname": "pitchbar", **where}
    with psycopg.connect(**address, password=password, connect_timeout=60) as connection:
        answer = connection.execute(statement)
        return answer.fetchone()[0] if answer.description else None  # type: ignore[index]


def refusal(state: State, **where: Any) -> str:
    with pytest.raises(psycopg.OperationalError) as failure:
        query(state, "SELECT 1", **where)
    return str(failure.value).strip()


def test_the_app_signs_in_over_tcp_and_owns_its_database(server: State) -> None:
    assert query(server, "SELECT current_user || ' ' || current_database()") == "pitchbar pitchbar"
    assert query(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'pitchbar'") == "pitchbar"
    assert query(server, "SELECT rolsuper FROM pg_roles WHERE rolname = 'pitchbar'") is False
    assert query(server, "SHOW server_version").startswith("16.")


def test_a_wrong_password_is_refused(server: State) -> None:
    assert "password authentication failed" in refusal(server, password="wrong")


def test_the_superuser_has_no_way_in_over_tcp(server: State) -> None:
    for password in ("postgres", DATABASE_PASSWORD):
        answer = refusal(server, user="postgres", password=password, dbname="postgres")
        assert "password authentication failed" in answer
    assert "no password supplied" in refusal(server, user="postgres", password=None, dbname="postgres")


def test_the_app_has_no_way_in_over_the_socket_without_a_password(server: State, home: Environment) -> None:
    answer = refusal(server, host=str(home.layout.postgres))
    assert "no pg_hba.conf entry" in answer or "Peer authentication failed" in answer


def test_nothing_is_trusted_and_passwords_are_scram(server: State, home: Environment) -> None:
    rules = [
        line.split()
        for line in (home.layout.postgres / "data" / "pg_hba.conf").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert [(rule[0], rule[-1] if rule[0] == "host" else rule[3]) for rule in rules] == [
        ("local", "peer"),
        ("local", "peer"),
        ("local", "peer"),
        ("host", "scram-sha-256"),
    ]
    assert query(server, "SHOW password_encryption") == "scram-sha-256"


def test_it_listens_on_loopback_only(server: State) -> None:
    assert query(server, "SHOW listen_addresses") == "127.0.0.1"


def test_its_data_is_for_its_user_only(server: State, home: Environment) -> None:
    for folder in (home.layout.postgres, home.layout.postgres / "data"):
        found = folder.stat()
        assert (stat.S_IMODE(found.st_mode), pwd.getpwuid(found.st_uid).pw_name) == (0o700, owner_name())
    config = (home.layout.postgres / "data" / "pitchbar.conf").stat()
    assert stat.S_IMODE(config.st_mode) == 0o600


def test_it_does_not_run_as_root(server: State, home: Environment) -> None:
    assert Path(f"/proc/{home.pid('postgres')}").owner() == owner_name()


def test_a_refresh_finds_it_as_it_is(server: State) -> None:
    assert RESOURCE.read("postgres", server) == server
    assert server.running


def test_a_second_create_adopts_it_with_data_and_port(server: State, home: Environment) -> None:
    query(server, "CREATE TABLE IF NOT EXISTS kept (n int)")
    _, again = RESOURCE.create(inputs(home))
    assert again == server
    assert query(again, "SELECT count(*) FROM kept") == 0


def test_a_second_create_with_the_wished_port_adopts_it_too(server: State, home: Environment) -> None:
    _, again = RESOURCE.create(inputs(home, port=server.bound_port))
    assert again.bound_port == server.bound_port
    assert query(again, "SELECT 1") == 1


def test_the_password_is_in_no_command_line_and_no_file(home: Environment) -> None:
    secret = "watched-" + "s3cret" * 4
    with watched_command_lines() as seen:
        _, state = RESOURCE.create(inputs(home, password=secret))
    assert any("psql" in line for line in seen)
    assert [line for line in seen if secret in line] == []
    query(state, "SELECT 1", secret)
    assert files_with(home.layout.directory, secret) == []
    assert secret not in repr(state)


@pytest.mark.parametrize("settings", [{"log_statement": "all"}, {"log_min_duration_statement": "0"}])
def test_the_password_is_in_no_log_even_where_statements_are_logged(
    home: Environment, settings: dict[str, str]
) -> None:
    secret = "logged-" + "s3cret" * 4
    _, state = RESOURCE.create(inputs(home))
    changed = RESOURCE.update("postgres", state, inputs(home, password=secret, settings=settings))
    query(changed, "SELECT 'a statement of the app'", secret)
    wait_until(lambda: files_with(home.layout.logs, "a statement of the app"), "statements are logged")
    assert files_with(home.layout.logs, secret) == []
    RESOURCE.update("postgres", changed, inputs(home))


def test_the_password_is_in_no_error_and_no_log_when_its_statement_fails(server: State, home: Environment) -> None:
    secret = "failed-" + "s3cret" * 4
    read_only = {"default_transaction_read_only": "on"}
    with pytest.raises(UserError) as failure:
        RESOURCE.update("postgres", server, inputs(home, password=secret, settings=read_only))
    assert "cannot execute ALTER ROLE in a read-only transaction" in str(failure.value)
    assert secret not in str(failure.value)
    assert files_with(home.layout.logs, secret) == []


def test_a_password_may_hold_any_character(server: State, home: Environment) -> None:
    changed = RESOURCE.update("postgres", server, inputs(home, password=AWKWARD))
    assert query(changed, "SELECT 1", AWKWARD) == 1


def test_a_changed_password_replaces_the_old_one(server: State, home: Environment) -> None:
    changed = RESOURCE.update("postgres", server, inputs(home, password="another"))
    assert query(changed, "SELECT 1", "another") == 1
    assert "password authentication failed" in refusal(changed, password=DATABASE_PASSWORD)


def test_changed_settings_are_in_force(server: State, home: Environment) -> None:
    changed = RESOURCE.update("postgres", server, inputs(home, settings={"shared_buffers": "24MB", "work_mem": "3MB"}))
    assert [query(changed, f"SHOW {name}") for name in ("shared_buffers", "work_mem")] == ["24MB", "3MB"]
    assert changed.bound_port == server.bound_port


def test_a_name_of_sql_is_a_name_like_any_other(server: State, home: Environment) -> None:
    _, state = RESOURCE.create(inputs(home, database="select", username="user"))
    assert query(state, "SELECT 1", user="user", dbname="select") == 1


def test_a_killed_server_is_back_with_its_data(server: State, home: Environment) -> None:
    killed = home.pid("postgres")
    query(server, "CREATE TABLE IF NOT EXISTS kept (n int)")
    kill(killed)

    def is_back() -> bool:
        try:
            return bool(query(server, "SELECT count(*) FROM kept") == 0)
        except psycopg.OperationalError:
            return False

    wait_until(is_back, "PostgreSQL answers again, with its data")
    assert home.pid("postgres") != killed


def test_a_stopped_server_is_found_and_healed_on_its_port(server: State, home: Environment) -> None:
    home.supervisor.remove("postgres")
    found = RESOURCE.read("postgres", server)
    assert found is not None
    assert found.running is False
    assert RESOURCE.drift(found) == {"running"}
    assert RESOURCE.update("postgres", found, inputs(home)) == server
    assert query(server, "SELECT 1") == 1


def test_its_port_is_kept_by_a_create_after_a_stop(server: State, home: Environment) -> None:
    home.supervisor.remove("postgres")
    assert RESOURCE.create(inputs(home))[1].bound_port == server.bound_port


def test_a_port_that_was_taken_meanwhile_is_left_to_its_taker(server: State, home: Environment) -> None:
    home.supervisor.remove("postgres")
    with taken_port(server.bound_port):
        _, moved = RESOURCE.create(inputs(home))
        assert moved.bound_port != server.bound_port
        assert query(moved, "SELECT 1") == 1


def test_a_wished_port_that_is_taken_is_refused_in_words(server: State, home: Environment) -> None:
    with taken_port() as port:
        with pytest.raises(UserError) as refused:
            RESOURCE.create(inputs(home, port=port))
        assert str(refused.value) == (
            f"Port {port} of 127.0.0.1 is taken by another program. "
            f"Free it (`ss -ltnp 'sport = :{port}'` shows who has it) or choose another."
        )
        with pytest.raises(UserError) as refused_update:
            RESOURCE.update("postgres", server, inputs(home, port=port))
        assert str(refused_update.value) == str(refused.value)
    assert query(server, "SELECT 1") == 1, "the refused update leaves the server as it was"


def test_a_wished_port_is_used(server: State, home: Environment) -> None:
    wish = ports.find("a wish of the tests")
    moved = RESOURCE.update("postgres", server, inputs(home, port=wish))
    assert moved.bound_port == wish
    assert query(moved, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(server: State, home: Environment) -> None:
    with pytest.raises(UserError) as failure:
        RESOURCE.update("postgres", server, inputs(home, settings={"shared_buffers": "many"}))
    first, *lines = str(failure.value).splitlines()
    assert first == f"PostgreSQL didn't start on port {server.bound_port}. Its last log lines:"
    assert any('invalid value for parameter "shared_buffers": "many"' in line for line in lines)
    assert home.supervisor.processes("postgres") == ()


def test_half_made_data_is_made_anew(home: Environment) -> None:
    """What initdb left when it was interrupted is never used."""
    RESOURCE.delete("postgres", RESOURCE.create(inputs(home))[1])
    draft = home.layout.postgres / "draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("16\n")
    _, state = RESOURCE.create(inputs(home))
    assert query(state, "SELECT 1") == 1
    assert not draft.exists()


def test_delete_leaves_no_process_no_file_and_no_port(home: Environment) -> None:
    _, state = RESOURCE.create(inputs(home))
    pid = home.pid("postgres")
    RESOURCE.delete("postgres", state)
    RESOURCE.delete("postgres", state)
    assert not runs(pid)
    assert not any("postgres" in line for line in concerning(home.layout.directory).values())
    assert not home.layout.postgres.exists()
    assert ports.is_free(state.bound_port)
    assert RESOURCE.read("postgres", state) is None


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a-b", 'a"b', "a;b", "x" * 64, "ü"])
def test_a_name_that_needs_quoting_is_refused(name: str) -> None:
    reason = f"is {name!r}; it must be lower case letters, digits and _, at most 63 of them"
    assert RESOURCE.check(Inputs("/d", name, name, "p")) == {"database": reason, "username": reason}


@pytest.mark.parametrize(
    ("database", "username", "wrong"),
    [
        ("postgres", "app", "database"),
        ("template1", "app", "database"),
        ("app", "postgres", "username"),
        ("app", "pg_app", "username"),
    ],
)
def test_postgresqls_own_names_are_refused(database: str, username: str, wrong: str) -> None:
    name = database if wrong == "database" else username
    assert RESOURCE.check(Inputs("/d", database, username, "p")) == {
        wrong: f"is {name!r}, which is PostgreSQL's own; choose another, for example 'pitchbar'"
    }


def test_right_names_pass(folder: Path) -> None:
    assert RESOURCE.check(Inputs(str(folder), "pitchbar", "pitchbar_2", "p")) == {}

"""The script of an environment's database on a real PostgreSQL 16, as a master user like RDS': it may make roles and
databases, and is no superuser."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.targets.aws.database_script import LIBPQ, SCRIPT
from infra.toolchain import locate
from tests.app.processes import launcher
from tests.support import services
from tests.support.processes import PATIENCE, wait_until
from tests.support.services import Postgres

MASTER, MASTERS = "steward", "master's own password"
NAME, PASSWORD = "pitchbar_pr_12", 'it\'s \\a "secret" $HOME `id` ö'
PROMPT = f'Enter new password for user "{NAME}": '


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with services.service_folder() as folder, services.postgres(folder) as made:
        quoted = MASTERS.replace("'", "''")
        made.execute(f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{quoted}'")
        # On RDS its master may make the extension; here only a superuser may, so every new database has it already.
        made.execute("CREATE EXTENSION vector", "template1")
        made.execute("ALTER SYSTEM SET log_statement = 'all'")
        made.execute("SELECT pg_reload_conf()")
        yield made


@pytest.fixture
def clean(server: Postgres) -> Iterator[Postgres]:
    yield server
    assert run(server, "drop").returncode == 0


def run(server: Postgres, action: str, name: str = NAME, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """As ECS runs it: without a terminal."""
    environment = {
        "PATH": f"{locate().postgres / 'bin'}:{os.environ['PATH']}",
        "ACTION": action,
        "DATABASE_NAME": name,
        "DATABASE_PASSWORD": password,
        **LIBPQ,
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": MASTER,
        "PGPASSWORD": MASTERS,
        "DB_AUTHORITY": "not asked for: the server here has no TLS",
        "PGSSLROOTCERT": os.devnull,
    }
    return subprocess.run(
        ["sh", "-ceu", SCRIPT],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
    )


def ask(server: Postgres, statement: str, name: str = NAME, database: str = "", password: str = PASSWORD) -> str:
    """What the environment's own role gets for a statement."""
    role = Postgres(server.port, password, (), {}, server.log, user=name)
    return role.execute(statement, database or name)


def test_it_makes_a_database_that_its_role_owns(clean: Postgres) -> None:
    done = run(clean, "create")
    assert (done.returncode, done.stderr) == (0, f"{PROMPT}\nEnter it again: \n")
    assert done.stdout == f"The database {NAME} is there, and its owner has the current password.\n"
    assert ask(clean, "SELECT current_user || ' ' || current_database()") == f"{NAME} {NAME}"
    ask(clean, "CREATE TABLE kept (embedding vector(3))")
    assert (
        ask(clean, "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user") == "f"
    )


def test_it_is_safe_to_repeat_and_changes_nothing_but_the_password(clean: Postgres) -> None:
    assert run(clean, "create").returncode == 0
    ask(clean, "CREATE TABLE kept (value text); INSERT INTO kept VALUES ('still here')")
    again = run(clean, "create", password="another one")
    assert again.returncode == 0, again.stderr
    assert ask(clean, "SELECT value FROM kept", password="another one") == "still here"
    with pytest.raises(subprocess.CalledProcessError):
        ask(clean, "SELECT 1", password=PASSWORD)


def test_a_half_made_one_is_completed(clean: Postgres) -> None:
    """The task before was stopped between the role and the database."""
    subprocess.run(
        [str(locate().postgres / "bin" / "psql"), "-X", "-c", f"CREATE ROLE {NAME} LOGIN"],
        env={
            "PGHOST": clean.host,
            "PGPORT": str(clean.port),
            "PGUSER": MASTER,
            "PGPASSWORD": MASTERS,
            "PGDATABASE": "postgres",
        },
        check=True,
        capture_output=True,
    )
    assert run(clean, "create").returncode == 0
    assert ask(clean, "SELECT 1") == "1"


def test_no_other_environment_can_connect_to_it(clean: Postgres) -> None:
    other = "pitchbar_pr_13"
    assert run(clean, "create").returncode == 0
    assert run(clean, "create", name=other, password="theirs").returncode == 0
    try:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            ask(clean, "SELECT 1", name=other, database=NAME, password="theirs")
        assert "permission denied for database" in refused.value.stderr
    finally:
        assert run(clean, "drop", name=other).returncode == 0


def test_no_password_is_in_the_servers_log_or_in_what_the_task_says(clean: Postgres) -> None:
    before = clean.log.stat().st_size
    done = run(clean, "create", password="never-in-a-log")
    logged = clean.log.read_text()[before:]
    assert done.returncode == 0
    assert "ALTER USER" in logged and "SCRAM-SHA-256" in logged
    assert "never-in-a-log" not in logged + done.stdout + done.stderr


def test_dropping_ends_what_is_connected_and_leaves_nothing(server: Postgres) -> None:
    assert run(server, "create").returncode == 0
    connected = subprocess.Popen(
        [str(locate().postgres / "bin" / "psql"), "-XAtq", "-c", "SELECT pg_sleep(600)"],
        env={
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": NAME,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": NAME,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{NAME}' AND state = 'active'"
        wait_until(lambda: server.execute(sessions) == "1", "the session is there")
        done = run(server, "drop")
        assert (done.returncode, done.stdout) == (0, f"The database {NAME} and its owner are gone.\n"), done.stderr
        left = "SELECT (SELECT count(*) FROM pg_database WHERE datname = '{0}'), count(*) FROM pg_roles"
        assert server.execute(f"{left.format(NAME)} WHERE rolname = '{NAME}'") == "0|0"
    finally:
        connected.kill()
        connected.wait(PATIENCE)
    again = run(server, "drop")
    assert again.returncode == 0, again.stderr


def test_a_server_that_refuses_fails_the_task(server: Postgres) -> None:
    """A drop that can't be done isn't reported as done."""
    done = run(server, "drop", name="postgres")
    assert done.returncode != 0
    assert "postgres" in done.stderr and "gone" not in done.stdout


def test_the_apps_own_migrations_need_no_more_than_that_role(clean: Postgres, tmp_path: Path) -> None:
    assert run(clean, "create", password="migrating").returncode == 0
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "preview",
        "APP_RELEASE": "r-1",
        "DB_HOST": clean.host,
        "DB_PORT": str(clean.port),
        "DB_DATABASE": NAME,
        "DB_USERNAME": NAME,
        "DB_PASSWORD": "migrating",
    }
    with launcher(tmp_path, environment) as app:
        done = app.run("migrate")
    assert done.returncode == 0, done.stderr
    assert ask(clean, "SELECT count(*) FROM vectors", password="migrating") == "0"


def test_another_action_is_refused(server: Postgres) -> None:
    done = run(server, "truncate")
    assert (done.returncode, done.stderr) == (64, "ACTION is 'truncate'; it must be create or drop.\n")

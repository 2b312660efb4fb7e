"""The environment's folder and its supervisord: made, adopted, healed, removed."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.provider.local import postgres, redis
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.local.supervisor import Inputs, SupervisorResource
from tests.support.environment import DATABASE_PASSWORD, REDIS_PASSWORD, Environment, environment
from tests.support.processes import concerning, kill, runs, wait_until

RESOURCE = SupervisorResource()
SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(300)")
DEAF = (sys.executable, "-S", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(300)")


def start(home: Environment, name: str, command: tuple[str, ...] = SLEEP) -> int:
    home.supervisor.start(Program(name, command, home.layout.directory))
    return home.pid(name)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_it_makes_the_folders_for_their_users_only(home: Environment) -> None:
    layout = home.layout
    assert mode(layout.directory) == ("0o750" if os.geteuid() == 0 else "0o700")
    assert [mode(layout.programs), mode(layout.logs), mode(layout.supervisor_socket)] == ["0o700"] * 3
    if os.geteuid() == 0:
        assert layout.directory.stat().st_uid == 0
        assert layout.directory.stat().st_gid == pwd.getpwnam("pitchbar").pw_gid


def test_it_answers_and_a_refresh_says_so(home: Environment) -> None:
    assert home.supervisor.answers()
    assert RESOURCE.read(home.id, home.state) == home.state
    assert home.state.running


def test_it_listens_on_its_unix_socket_only(home: Environment) -> None:
    sockets = [str(handle.readlink()) for handle in Path(f"/proc/{home.supervisor_pid}/fd").iterdir()]
    inodes = {link[len("socket:[") : -1] for link in sockets if link.startswith("socket:[")}
    tcp = [
        line.split()
        for table in ("tcp", "tcp6", "udp")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    assert inodes
    assert [line for line in tcp if line[9] in inodes] == []


def test_a_second_create_adopts_the_running_one(home: Environment) -> None:
    pid, program = home.supervisor_pid, start(home, "kept")
    assert RESOURCE.create(Inputs(home.directory)) == (home.id, home.state)
    assert (home.supervisor_pid, runs(program)) == (pid, True)
    home.supervisor.remove("kept")


def test_killed_it_is_found_and_healed_and_what_it_left_is_ended() -> None:
    with environment() as home:
        left, deaf, killed = start(home, "left"), start(home, "deaf", DEAF), home.supervisor_pid
        kill(killed)
        assert runs(left)
        found = RESOURCE.read(home.id, home.state)
        assert found is not None
        assert found.running is False
        assert RESOURCE.drift(found) == {"running"}
        assert RESOURCE.update(home.id, found, Inputs(home.directory)) == home.state
        assert (runs(left), runs(deaf)) == (False, False)
        assert home.supervisor.answers()
        assert home.supervisor_pid != killed
        assert home.supervisor.processes() == ()


def test_killed_it_leaves_data_services_that_its_next_ends_in_order() -> None:
    with environment() as home:
        database = postgres.Inputs(home.directory, "pitchbar", "pitchbar", DATABASE_PASSWORD)
        cache = redis.Inputs(home.directory, REDIS_PASSWORD)
        _, database_state = postgres.PostgresResource().create(database)
        _, cache_state = redis.RedisResource().create(cache)
        left = [home.pid("postgres"), home.pid("redis")]
        kill(home.supervisor_pid)
        RESOURCE.update(home.id, home.state, Inputs(home.directory))
        assert [runs(pid) for pid in left] == [False, False]
        found = postgres.PostgresResource().read("postgres", database_state)
        assert found is not None
        assert found.running is False
        assert postgres.PostgresResource().update("postgres", found, database) == database_state
        log = (home.layout.logs / "postgres-0.log").read_text()
        assert "database system was shut down at" in log
        assert "not properly shut down" not in log
        assert redis.RedisResource().update("redis", cache_state, cache) == cache_state


def test_another_environments_processes_are_left_alone() -> None:
    with environment() as home:
        sibling = {**os.environ, "PITCHBAR_ENVIRONMENT": f"{home.directory}-2"}
        with subprocess.Popen(SLEEP, env=sibling) as stranger:
            kill(home.supervisor_pid)
            RESOURCE.update(home.id, home.state, Inputs(home.directory))
            assert stranger.poll() is None
            stranger.kill()


def test_delete_ends_everything_and_leaves_no_file() -> None:
    with environment() as home:
        pids = [home.supervisor_pid, start(home, "one"), start(home, "two")]
        RESOURCE.delete(home.id, home.state)
        assert [runs(pid) for pid in pids] == [False, False, False]
        assert not home.layout.directory.exists()
        assert RESOURCE.read(home.id, home.state) is None
        RESOURCE.delete(home.id, home.state)


def test_delete_lets_a_process_finish_what_it_does(folder: Path) -> None:
    note = folder / "finished"
    ready = folder / "ready"
    finishes = (
        f"import signal, time; signal.signal(15, lambda *_: (time.sleep(0.5), open({str(note)!r}, 'w'), exit(0)))"
    )
    finishes += f"; open({str(ready)!r}, 'w')"
    with environment() as home:
        start(home, "polite", (sys.executable, "-S", "-c", f"{finishes}; time.sleep(300)"))
        wait_until(ready.exists, "it handles the signal")
        RESOURCE.delete(home.id, home.state)
    assert note.exists()


def test_delete_after_it_was_killed_ends_what_it_left() -> None:
    with environment() as home:
        left = start(home, "left")
        kill(home.supervisor_pid)
        RESOURCE.delete(home.id, home.state)
        assert not runs(left)
        assert concerning(home.layout.directory) == {}


def test_a_path_too_long_for_sockets_is_refused_before_anything_is_made(folder: Path) -> None:
    directory = folder / ("x" * 80)
    with pytest.raises(UserError) as refusal:
        RESOURCE.create(Inputs(str(directory)))
    assert str(refusal.value) == (
        f"{directory} is too long a path: a unix socket below it would exceed Linux' 107 bytes. "
        "Set PITCHBAR_DATA_HOME to a shorter folder, for example `export PITCHBAR_DATA_HOME=/tmp/pitchbar`."
    )
    assert not directory.exists()


def test_a_supervisor_that_is_not_there_is_named_in_words(folder: Path) -> None:
    from infra.provider.local.layout import Layout, make

    layout = Layout(folder / "env")
    make(layout)
    with pytest.raises(UserError) as refusal:
        Supervisor(layout).start(Program("lonely", SLEEP, folder))
    assert str(refusal.value) == (
        f"The supervisor of {layout.directory} doesn't answer. Run `pitchbar up`, which starts it again."
    )

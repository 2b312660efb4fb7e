"""The processes of one release: started beside others, ready or refused, drained, cleared."""

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.endpoints import Response, http_get, unix_endpoint
from infra.errors import UserError
from infra.provider.local.layout import ACCEPTED
from infra.provider.local.service import Inputs, ServiceResource, State, folder_of
from tests.support.environment import Environment, standin_inputs
from tests.support.processes import PATIENCE, children, command_line, kill, runs, wait_until

RESOURCE = ServiceResource()


@pytest.fixture(autouse=True)
def cleared(home: Environment) -> Iterator[None]:
    yield
    for folder in home.layout.services.iterdir():
        home.supervisor.remove(folder.name)
    for state in list(home.layout.services.iterdir()):
        RESOURCE.delete(state.name, State(**vars(standin_inputs(home)), generation=state.name))


def create(home: Environment, mode: str = "serve", **changes: Any) -> State:
    id, state = RESOURCE.create(standin_inputs(home, mode, **changes))
    assert id == state.generation
    return state


def refusal(home: Environment, mode: str, **changes: Any) -> str:
    with pytest.raises(UserError) as refused:
        create(home, mode, **changes)
    return str(refused.value)


def ask(home: Environment, state: State, path: str = "/up", number: int = 0) -> dict[str, Any]:
    answer: Response = http_get(
        unix_endpoint(folder_of(home.layout, state.generation) / f"{number}.sock"), path, timeout=PATIENCE
    )
    document: dict[str, Any] = json.loads(answer.body)
    return document


def accept(home: Environment, state: State) -> State:
    (folder_of(home.layout, state.generation) / ACCEPTED).touch()
    return state


def generations(home: Environment) -> set[str]:
    return {folder.name for folder in home.layout.services.iterdir()}


def started_processes(home: Environment) -> list[int]:
    return [pid for pid in children(home.supervisor_pid) if "standin.py" in command_line(pid)]


def test_it_is_ready_when_it_is_there(home: Environment) -> None:
    state = create(home, replicas=2)
    assert [ask(home, state, number=number)["release"] for number in (0, 1)] == ["r1", "r1"]
    assert ask(home, state, number=0)["pid"] != ask(home, state, number=1)["pid"]
    assert state.running
    assert RESOURCE.read(state.generation, state) == state


def test_one_that_does_not_listen_is_there_when_it_runs(home: Environment) -> None:
    state = create(home, "idle", process="worker", health_path="")
    assert home.supervisor.runs_or_starts(state.generation)


def test_each_is_told_its_own_canary_queue_and_its_values(home: Environment, folder: Path) -> None:
    folder.chmod(0o777)
    values = {"APP_RELEASE": "r1", "APP_PROCESS": "app", "APP_KEY": "base64:+/=", "NAME": "it's 100% ü"}
    state = create(home, environment={**values, "RECORD": str(folder / "note")})
    told = json.loads((folder / "note").read_text())
    assert told.items() >= {**values, "CANARY_QUEUE": f"canary-{state.generation}"}.items()


def test_its_environment_is_in_a_file_for_its_owner_and_in_no_command_line_or_log(home: Environment) -> None:
    secret = "s3cret-of-the-service"
    state = create(home, environment={"APP_RELEASE": "r1", "APP_PROCESS": "app", "APP_KEY": secret})
    file = home.layout.programs / f"{state.generation}.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret in file.read_text()
    assert secret not in command_line(home.pid(state.generation))
    assert not [log for log in home.layout.logs.iterdir() if secret in log.read_text(errors="replace")]
    assert secret not in repr(state)


def test_its_listeners_are_for_the_services_user_only(home: Environment) -> None:
    found = folder_of(home.layout, create(home).generation).stat()
    assert stat.S_IMODE(found.st_mode) == 0o700


def test_every_one_has_a_generation_of_its_own(home: Environment) -> None:
    first = accept(home, create(home))
    second = create(home)
    assert first.generation != second.generation
    assert ask(home, first)["pid"] != ask(home, second)["pid"]


def test_what_no_verification_accepted_is_cleared_by_the_next(home: Environment) -> None:
    accepted = accept(home, create(home))
    left, other = create(home), create(home, process="realtime")
    left_pid = ask(home, left)["pid"]
    new = create(home)
    assert generations(home) == {accepted.generation, new.generation, other.generation}
    assert not runs(left_pid)
    assert ask(home, accepted)["release"] == "r1"


def test_one_that_ends_at_its_start_is_refused_with_its_last_lines(home: Environment) -> None:
    assert refusal(home, "crash") == (
        "The app process of release r1 ended at its start. Its last log lines:\n"
        "    standin crash starts\n    standin: the configuration is nonsense"
    )
    assert generations(home) == set()
    assert started_processes(home) == []


def test_one_that_is_never_ready_is_refused_with_what_it_answers(home: Environment) -> None:
    sentence = refusal(home, "unready", ready_timeout=4)
    first, *lines = sentence.splitlines()
    assert first.startswith(
        'The app process of release r1 wasn\'t ready within 4 s: /ready answers 503: {"status": "ready", "release": '
    )
    assert first.endswith("}. Its last log lines:")
    assert lines == ["    standin unready starts"]
    assert generations(home) == set()
    assert started_processes(home) == []


def test_one_with_another_status_is_refused_too(home: Environment) -> None:
    assert "wasn't ready within 4 s: /ready answers 500: " in refusal(home, "broken", ready_timeout=4)


def test_one_that_never_listens_is_refused(home: Environment) -> None:
    sentence = refusal(home, "deaf", ready_timeout=4)
    first, *lines = sentence.splitlines()
    assert first.startswith("The app process of release r1 wasn't ready within 4 s: GET http+unix:")
    assert first.endswith("/0.sock:/ready got no answer: its socket does not exist. Its last log lines:")
    assert lines == ["    standin deaf starts"]


def test_of_several_the_one_that_is_not_ready_is_quoted(home: Environment) -> None:
    first, *lines = refusal(home, "second-deaf", replicas=2, ready_timeout=4).splitlines()
    assert first.endswith("/1.sock:/ready got no answer: its socket does not exist. Its last log lines:")
    assert lines == ["    standin second-deaf starts", "    standin 1 never listens"]


def test_a_refused_one_leaves_the_one_before_as_it_was(home: Environment) -> None:
    before = accept(home, create(home))
    pid = ask(home, before)["pid"]
    refusal(home, "crash")
    assert ask(home, before)["pid"] == pid
    assert generations(home) == {before.generation}


def test_delete_lets_a_request_finish(home: Environment, folder: Path) -> None:
    folder.chmod(0o777)
    state = create(home, environment={"APP_RELEASE": "r1", "APP_PROCESS": "app", "BEGUN": str(folder / "begun")})
    answers: list[dict[str, Any]] = []
    visitor = Thread(target=lambda: answers.append(ask(home, state, "/slow")))
    visitor.start()
    wait_until((folder / "begun").exists, "the request is being answered")
    RESOURCE.delete(state.generation, state)
    visitor.join()
    assert [answer["release"] for answer in answers] == ["r1"]
    assert home.supervisor.last_lines(f"{state.generation}-0").endswith("    standin drained")
    assert generations(home) == set()
    assert not (home.layout.programs / f"{state.generation}.conf").exists()
    RESOURCE.delete(state.generation, state)


def test_delete_kills_what_does_not_end_within_its_time(home: Environment) -> None:
    state = create(home, "stubborn", stop_timeout=1)
    pid, started = ask(home, state)["pid"], time.monotonic()
    RESOURCE.delete(state.generation, state)
    assert time.monotonic() - started >= 1
    assert not runs(pid)


def test_a_killed_process_is_back(home: Environment) -> None:
    state = create(home)
    killed = ask(home, state)["pid"]
    kill(killed)

    def is_back() -> bool:
        try:
            return bool(ask(home, state)["pid"] != killed)
        except UserError:
            return False

    wait_until(is_back, "the process answers again")


def test_what_a_refresh_finds_stopped_an_update_starts_again_under_its_name(home: Environment) -> None:
    state = accept(home, create(home))
    home.supervisor.stop(state.generation)
    found = RESOURCE.read(state.generation, state)
    assert found is not None
    assert found.running is False
    assert RESOURCE.drift(found) == {"running"}
    assert RESOURCE.update(state.generation, found, standin_inputs(home)) == state
    assert ask(home, state)["release"] == "r1"


def test_an_accepted_one_that_does_not_come_back_keeps_its_folder(home: Environment) -> None:
    """It has a route; without its folder the next try would not be an update of it."""
    state = accept(home, create(home))
    home.supervisor.stop(state.generation)
    with pytest.raises(UserError):
        RESOURCE.update(state.generation, state, standin_inputs(home, "crash"))
    assert generations(home) == {state.generation}


def test_a_refresh_finds_it_gone(home: Environment) -> None:
    state = create(home)
    RESOURCE.delete(state.generation, state)
    assert RESOURCE.read(state.generation, state) is None


def test_a_changed_input_replaces_it(home: Environment) -> None:
    assert RESOURCE.replaces == set(Inputs.__dataclass_fields__)


def test_no_process_is_refused_on_its_property(home: Environment) -> None:
    assert RESOURCE.check(standin_inputs(home, replicas=0)) == {"replicas": "is 0; a process needs at least one"}
    assert RESOURCE.check(standin_inputs(home)) == {}


def test_a_value_that_cannot_be_carried_is_refused_and_leaves_nothing(home: Environment) -> None:
    sentence = refusal(home, "serve", environment={"APP_RELEASE": "two\nlines", "APP_PROCESS": "app"})
    assert sentence.startswith("An environment variable of a process can't hold a line break")
    assert generations(home) == set()


def test_logs_of_earlier_ones_are_kept_within_bounds(home: Environment) -> None:
    running = accept(home, create(home))
    own = home.layout.logs / f"{running.generation}-0.log"
    for log in home.layout.logs.glob("app-*"):
        os.utime(log, (1, 1))
    for number in range(2, 60):
        log = home.layout.logs / f"app-{number:08x}-0.log"
        log.write_text("old\n")
        os.utime(log, (number, number))
    state = create(home)
    newest = {f"app-{number:08x}-0.log" for number in range(55, 60)}
    kept = {log.name for log in home.layout.logs.glob("app-*")}
    assert kept == {*newest, own.name, f"{state.generation}-0.log"}

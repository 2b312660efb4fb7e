"""Programs under Supervisor: what they are told, and how they are started, stopped and started again."""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.provider.local.supervision import EXITED, RUNNING, STOPPED, Program
from tests.support.environment import Environment
from tests.support.processes import runs, wait_until

NAME = "probe"


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", program)


SLEEP = python("import time; time.sleep(300)")


@pytest.fixture(autouse=True)
def cleared(home: Environment) -> Iterator[None]:
    yield
    home.supervisor.remove(NAME)


def environment_of(home: Environment, variables: Mapping[str, str], note: Path) -> dict[str, str]:
    program = f"import json, os, time; json.dump(dict(os.environ), open({str(note)!r} + '.draft', 'w')); "
    program += f"os.rename({str(note)!r} + '.draft', {str(note)!r}); time.sleep(300)"
    home.supervisor.start(Program(NAME, python(program), home.layout.directory, variables))
    wait_until(note.exists, "the program wrote down its environment")
    found: dict[str, str] = json.loads(note.read_text())
    return found


def test_every_value_arrives_as_it_is(home: Environment, folder: Path) -> None:
    variables = {
        "EMPTY": "",
        "SPACES": "  two  spaces  ",
        "PERCENT": "100% of %(there)s %s %%",
        "SINGLE": "it's one",
        "DOUBLE": 'say "hello" to it',
        "COMMA": "a,b=c,d",
        "SEMICOLON": "a;b#c;",
        "BACKSLASH": "C:\\new\\table \\",
        "DOLLAR": "$HOME ${HOME} `id`",
        "BRACES": "{process} {socket}",
        "UNICODE": "Grüße 你好 🙂",
        "KEY": "base64:qwertyuiop+/=",
        "TAB": "a\tb",
    }
    assert environment_of(home, variables, folder / "note").items() >= variables.items()


@pytest.mark.parametrize(
    "value",
    ["two\nlines", "both \" and '", "'quoted'", '"quoted"', "end'", "carriage\rreturn", "%(here)s", "a ; b", "a\t#b"],
)
def test_a_value_that_supervisor_cant_carry_is_refused(home: Environment, value: str) -> None:
    with pytest.raises(UserError) as refusal:
        home.supervisor.start(Program(NAME, SLEEP, home.layout.directory, {"VALUE": value}))
    assert str(refusal.value) == (
        "An environment variable of a process can't hold a line break, both kinds of quotes, a quote at an end, "
        "; or # after a space, or %(here)s. Encode it, for example with base64."
    )
    assert home.supervisor.processes(NAME) == ()


def test_a_program_is_told_nothing_of_the_plugins_own_environment(home: Environment, folder: Path) -> None:
    os.environ["PITCHBAR_TEST_SECRET"] = "leaks"
    try:
        assert "PITCHBAR_TEST_SECRET" not in environment_of(home, {}, folder / "note")
    finally:
        del os.environ["PITCHBAR_TEST_SECRET"]


def test_its_file_is_for_its_owner_only(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory, {"SECRET": "hidden"}))
    file = home.layout.programs / f"{NAME}.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_uid == os.geteuid()
    assert 'SECRET="hidden"' in file.read_text()
    assert "hidden" not in (home.layout.logs / "supervisord.log").read_text()


def test_its_environment_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(Program(NAME, SLEEP, Path("/"), {"SECRET": "hidden"}))


def test_words_of_a_command_arrive_as_they_are_and_each_process_has_its_number(home: Environment, folder: Path) -> None:
    words = ("two words", "it's", '"', "100%", "%(x)s", "a;b", "#c", "$HOME", "\\", "ü", "", "n{process}")
    program = "import json, sys, time; json.dump(sys.argv[1:], open(sys.argv[1], 'w')); time.sleep(300)"
    command = (*python(program), str(folder / "{process}.json"), *words)
    home.supervisor.start(Program(NAME, command, home.layout.directory, processes=2))
    for number in (0, 1):
        note = folder / f"{number}.json"
        wait_until(lambda note=note: note.exists() and note.read_text().endswith("]"), "it wrote down its words")  # type: ignore[misc]
        expected = [str(note), *(word.replace("{process}", str(number)) for word in words)]
        assert json.loads(note.read_text()) == expected


@pytest.mark.parametrize("word", ["two\nlines", "a #b", "a ;b", "%(here)s"])
def test_a_command_that_supervisor_cant_carry_is_refused(home: Environment, word: str) -> None:
    with pytest.raises(UserError) as refusal:
        home.supervisor.start(Program(NAME, (*SLEEP, word), home.layout.directory))
    assert str(refusal.value) == (
        "The command of a process can't hold a line break, ; or # after a space, or %(here)s. "
        "Put what it does into a file and run that."
    )
    assert home.supervisor.processes(NAME) == ()


def test_a_program_of_the_same_name_is_replaced(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory))
    first = home.pid(NAME)
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory, processes=2))
    assert not runs(first)
    assert [process.name for process in home.supervisor.processes(NAME)] == [f"{NAME}-0", f"{NAME}-1"]


def test_a_killed_process_is_back(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory))
    killed = home.pid(NAME)
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: any(p.pid not in (0, killed) for p in home.supervisor.processes(NAME)), "another takes its place"
    )


def test_stop_asks_and_waits_until_the_process_has_finished(home: Environment, folder: Path) -> None:
    note, ready = folder / "finished", folder / "ready"
    program = f"import signal, time; signal.signal(15, lambda *_: (time.sleep(0.4), open({str(note)!r}, 'w'), exit(0)))"
    program += f"; open({str(ready)!r}, 'w'); time.sleep(300)"
    home.supervisor.start(Program(NAME, python(program), home.layout.directory, stop_timeout=10))
    wait_until(ready.exists, "it handles the signal")
    pid = home.pid(NAME)
    home.supervisor.stop(NAME)
    assert note.exists()
    assert not runs(pid)
    assert [process.state for process in home.supervisor.processes(NAME)] == [STOPPED]


def test_stop_kills_what_does_not_end_in_time_with_all_it_started(home: Environment, folder: Path) -> None:
    ready = folder / "ready"
    program = "import os, signal, time; signal.signal(15, signal.SIG_IGN); child = os.fork(); "
    program += f"child and open({str(ready)!r}, 'w').write(str(child)); time.sleep(300)"
    home.supervisor.start(Program(NAME, python(program), home.layout.directory, stop_timeout=1))
    wait_until(lambda: ready.exists() and ready.read_text(), "it ignores the signal")
    pids, started = [home.pid(NAME), int(ready.read_text())], time.monotonic()
    home.supervisor.stop(NAME)
    assert time.monotonic() - started >= 1
    wait_until(lambda: not any(runs(pid) for pid in pids), "both end")


def test_a_stopped_program_is_resumed_once(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory))
    home.pid(NAME)
    assert home.supervisor.resume(NAME) is False
    home.supervisor.stop(NAME)
    assert home.supervisor.resume(NAME) is True
    wait_until(lambda: home.supervisor.runs(NAME), "it runs again")
    assert home.supervisor.resume(NAME) is False


def test_remove_forgets_it_and_its_file_and_may_be_repeated(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory))
    pid = home.pid(NAME)
    home.supervisor.remove(NAME)
    home.supervisor.remove(NAME)
    assert not runs(pid)
    assert home.supervisor.processes(NAME) == ()
    assert not (home.layout.programs / f"{NAME}.conf").exists()


def test_one_that_ends_by_itself_counts_as_failed_with_its_last_lines(home: Environment) -> None:
    program = "import sys; [print('line', n, flush=True) for n in range(20)]; sys.exit('this is why')"
    home.supervisor.start(Program(NAME, python(program), home.layout.directory))
    wait_until(lambda: home.supervisor.failed(NAME), "it counts as failed")
    assert home.supervisor.last_lines(f"{NAME}-0", 3) == "    line 18\n    line 19\n    this is why"
    assert not home.supervisor.runs_or_starts(NAME)


def test_one_that_logged_nothing_says_so(home: Environment) -> None:
    assert home.supervisor.last_lines("nobody-0") == "    (it logged nothing)"


def test_states_are_told_by_name(home: Environment) -> None:
    home.supervisor.start(Program(NAME, SLEEP, home.layout.directory))
    wait_until(lambda: home.supervisor.runs(NAME), "it counts as running")
    [process] = home.supervisor.processes(NAME)
    assert (process.name, process.state, process.pid > 0) == (f"{NAME}-0", RUNNING, True)
    assert process.state != EXITED

"""Our language host, driven by the real CLI."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE
from tests.tools.conftest import HOST, Project

_COMPONENT = """
import pulumi
class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Thing", name)
        self.register_outputs({})
"""


def test_a_program_makes_its_resources_once(project: Project) -> None:
    project.program(_COMPONENT + "Thing('a')\nprint('said by the program')\npulumi.export('answer', 42)\n")

    code, first = project.up()
    assert code == 0, first
    assert "+ 2 created" in first
    assert "answer: 42" in first
    assert "said by the program" in first
    assert "warning" not in first

    code, second = project.up("--expect-no-changes")
    assert code == 0, second
    assert "2 unchanged" in second


def test_the_program_gets_its_settings(project: Project) -> None:
    project.program(
        "import os, sys, pulumi\n"
        "from tiny_module import here\n"
        "config = pulumi.Config()\n"
        "assert config.require('plain') == 'seen', config.get('plain')\n"
        "pulumi.export('secret', config.require_secret('hidden'))\n"
        "pulumi.export('facts', [pulumi.get_project(), pulumi.get_stack(), os.getcwd(), here, sys.argv[1:]])\n"
    )
    (project.folder / "tiny_module.py").write_text("here = __name__\n")
    project.pulumi("config", "set", "plain", "seen")
    project.pulumi("config", "set", "--secret", "hidden", "not to be shown")

    code, output = project.up()

    assert code == 0, output
    assert "not to be shown" not in output
    assert "secret: [secret]" in output
    for fact in ("tiny", "dev", str(project.folder), "tiny_module"):
        assert f'"{fact}"' in output


def test_each_run_has_a_process_of_its_own(project: Project) -> None:
    project.program("import os\nopen('runs', 'a').write(f'{os.getpid()}\\n')\n")

    code, output = project.pulumi("up", "--yes")

    assert code == 0, output
    preview, update = (project.folder / "runs").read_text().split()
    assert preview != update


def test_a_user_error_is_only_its_sentence(project: Project) -> None:
    project.program("from infra.errors import UserError\nraise UserError('The sky is down. Type: make sky')\n")

    code, output = project.up()

    assert code != 0
    assert "error: The sky is down. Type: make sky\n" in _diagnostics(output)
    assert "Traceback" not in output
    assert "UserError" not in output


@pytest.mark.parametrize(
    "failing", ["fail()", "pulumi.Output.from_input(1).apply(lambda _: fail())"], ids=["program", "apply"]
)
def test_a_bug_is_shown_with_the_programs_own_lines(project: Project, failing: str) -> None:
    project.program(f"import pulumi\ndef fail():\n    return 1 / 0\n{failing}\n")

    code, output = project.up()

    shown = _diagnostics(output)
    assert code != 0
    assert shown.count("error: the program ended with an error:") == 1
    assert shown.count("ZeroDivisionError: division by zero") == 1
    assert set(re.findall(r'File "([^"]+)"', shown)) == {str(project.folder / "__main__.py")}


def test_a_program_that_ends_its_process_is_told(project: Project) -> None:
    project.program("import os\nos._exit(7)\n")

    code, output = project.up()

    assert code != 0
    assert "the program's process ended by itself with exit code 7" in output


def test_nothing_outlives_an_engine_that_was_killed(project: Project) -> None:
    project.program(
        "import os, pathlib, time\n"
        "pathlib.Path('pids.new').write_text(f'{os.getpid()} {os.getppid()}')\n"
        "os.rename('pids.new', 'pids')\n"
        "time.sleep(60)\n"
    )
    engine = project.start("up", "--yes", "--skip-preview")
    program, host = (os.pidfd_open(int(pid)) for pid in _wait_for(project.folder / "pids").split())

    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()

    assert _ends(host, within=PATIENCE)
    assert _ends(program, within=PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_when_told(number: signal.Signals) -> None:
    host = subprocess.Popen([HOST, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    assert host.stdout
    with host.stdout as out:
        assert 0 < int(out.readline()) < 65536

        host.send_signal(number)

        assert host.wait(timeout=PATIENCE) == 0


def _diagnostics(output: str) -> str:
    """The part of the CLI's report that holds each message once."""
    return output.partition("Diagnostics:")[2]


def _wait_for(file: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not appear"
        time.sleep(0.02)
    return file.read_text()


def _ends(process: int, *, within: float) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(within * 1000))

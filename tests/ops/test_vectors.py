"""`pitchbar audit-vectors`: the serving release's own command, run as its worker is, and what is told of it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import paths
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import Program, _render
from tests.ops.tiny import Finished, Tiny

CLEAN: dict[str, Any] = {"chunks": 4, "missing": [], "stale": [], "orphaned": [], "documents": [], "clean": True}
DRIFT = {**CLEAN, "missing": [1], "stale": [2, 3], "orphaned": [9], "documents": [7], "clean": False}
SECRET = 'secret with %, = and "quotes" in it'
APP = """\
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
(here / "ran.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
print("2026-01-01 INFO something on the way", file=sys.stderr)
if (here / "says.json").exists():
    found = json.loads((here / "says.json").read_text()) | {"repaired": "--repair" in sys.argv}
    print(json.dumps(found))
    sys.exit(0 if found["clean"] or found["repaired"] else 1)
sys.exit("The vectors cannot be audited: no database as " + os.environ["DB_PASSWORD"])
"""


@dataclass(frozen=True)
class App:
    """A release whose `audit-vectors` says what a test wants."""

    folder: Path
    tiny: Tiny

    def says(self, found: dict[str, Any]) -> None:
        (self.folder / "says.json").write_text(json.dumps(found))

    def ran(self) -> tuple[list[str], dict[str, str]]:
        arguments, environment = json.loads((self.folder / "ran.json").read_text())
        return arguments, environment

    def audit(self, *options: str) -> Finished:
        return self.tiny.pitchbar("audit-vectors", *options)


@pytest.fixture
def app(made: Tiny, monkeypatch: pytest.MonkeyPatch) -> App:
    """An environment whose serving worker is of this release, beside one that was never accepted."""
    for name in ("PITCHBAR_HOME", "PITCHBAR_DATA_HOME"):
        monkeypatch.setenv(name, made.environ[name])
    layout = Layout(paths.environment_dir("local"))
    paths.data_home().chmod(0o755)
    for name in ("serving", "refused"):
        folder = layout.releases / name
        folder.mkdir(parents=True)
        folder.chmod(0o777)  # As root, the app runs as the services' user, and here it writes down how it was run.
        (folder / "pitchbar_app.py").write_text(APP if name == "serving" else "raise SystemExit('the wrong one')")
        generation = f"worker-{name}"
        (layout.services / generation).mkdir(parents=True)
        if name == "serving":
            (layout.services / generation / ACCEPTED).touch()
        command = (sys.executable, "-m", "pitchbar_app", "worker", "--with", "options")
        layout.programs.mkdir(exist_ok=True)
        program = Program(generation, command, folder, {"DB_PASSWORD": SECRET, "QUEUES": "crawl,index"})
        (layout.programs / f"{generation}.conf").write_text(_render(program, layout))
    return App(layout.releases / "serving", made)


def test_a_clean_store_is_told(app: App) -> None:
    app.says(CLEAN)
    done = app.audit()
    assert (done.returncode, done.stdout) == (
        0,
        "All 4 chunks have their vector, and there is no other vector.\n",
    )


def test_the_release_runs_it_with_the_workers_variables(app: App) -> None:
    app.says(CLEAN)
    app.audit().check_returncode()
    arguments, environment = app.ran()
    assert arguments == ["audit-vectors", "--json"]
    assert (environment["DB_PASSWORD"], environment["QUEUES"]) == (SECRET, "crawl,index")
    assert "PITCHBAR_HOME" not in environment, "nothing else of this shell's environment goes along"


def test_a_drift_is_told_and_is_no_success(app: App) -> None:
    app.says(DRIFT)
    done = app.audit()
    assert (done.returncode, done.stdout) == (
        1,
        "Of 4 chunks 1 have no vector and 2 an outdated one; 1 vectors belong to no chunk. "
        "To repair this, type: pitchbar audit-vectors --repair -s local\n",
    )


def test_a_repair_is_passed_on_and_is_a_success(app: App) -> None:
    app.says(DRIFT)
    done = app.audit("--repair")
    assert (done.returncode, done.stdout) == (
        0,
        "Of 4 chunks 1 have no vector and 2 an outdated one; 1 vectors belong to no chunk. "
        "1 documents were sent to be indexed again, the others were removed. "
        "To see what came of it, type: pitchbar audit-vectors -s local\n",
    )
    assert app.ran()[0] == ["audit-vectors", "--json", "--repair"]


def test_json_is_one_document(app: App) -> None:
    app.says(DRIFT)
    done = app.audit("--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"stack": "local", **DRIFT, "repaired": False}


def test_an_audit_that_could_not_be_made_is_no_drift(app: App) -> None:
    done = app.audit()
    assert done.returncode == 1
    assert done.stderr == (
        "error: The audit of the vectors of stack local did not come to an end: The vectors cannot be audited: "
        "no database as [secret]. To see what is wrong, type: pitchbar status -s local\n"
    )
    document = json.loads(app.audit("--json").stdout)
    assert document["result"] == "failed"


def test_an_environment_that_is_not_up_is_told(made: Tiny) -> None:
    done = made.pitchbar("audit-vectors")
    assert done.returncode == 1
    assert done.stderr == ("error: Stack local is not up on this machine. To bring it up, type: pitchbar up -s local\n")

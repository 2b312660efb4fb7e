"""`pitchbar down` leaves nothing, whatever was there."""

import json
import subprocess
import sys
from pathlib import Path

from infra.provider.local.layout import Layout
from infra.provider.local.supervision import Supervisor
from tests.ops.tiny import Tiny

META = {"state/.pulumi/meta.yaml", "state/.pulumi/meta.yaml.attrs"}
"""The backend's own mark; it belongs to all stacks."""


def test_it_leaves_nothing(made: Tiny) -> None:
    finished = made.pitchbar("down", "--yes", "--json")
    document = json.loads(finished.stdout)
    assert document.pop("seconds") > 0
    assert document == {"stack": "local", "result": "removed", "changes": {"delete": 3}, "error": None}
    assert made.files() == META
    again = made.pitchbar("down", "--yes")
    assert (again.returncode, again.stdout) == (0, "There is no stack local, so there is nothing to take down.\n")


def test_never_up(tiny: Tiny) -> None:
    finished = tiny.pitchbar("down")
    assert finished.returncode == 0
    assert finished.stdout == "There is no stack local, so there is nothing to take down.\n"
    assert tiny.files() == set()


def test_a_tracked_stack_that_is_not_in_the_backend(tiny: Tiny) -> None:
    (tiny.root / "Pulumi.staging.yaml").write_text("config:\n  pitchbar:target: aws\n")
    (tiny.root / "elsewhere").mkdir()
    tiny.environ |= {"PULUMI_BACKEND_URL": f"file://{tiny.root}/elsewhere", "PULUMI_CONFIG_PASSPHRASE": "x"}
    finished = tiny.pitchbar("down", "-s", "staging", "--yes")
    assert (finished.returncode, finished.stdout) == (
        0,
        "There is no stack staging, so there is nothing to take down.\n",
    )
    finished = tiny.pitchbar("up", "-s", "staging", "--yes")
    assert finished.stderr.splitlines()[-3:] == [
        "Nothing serves yet.",
        "Stack staging is not in this backend. To make it there, type: "
        'eval "$(pitchbar env -s staging)" && pulumi stack init staging',
        "When it is mended, type: pitchbar up -s staging",
    ]
    assert (tiny.root / "Pulumi.staging.yaml").exists()


def test_a_stack_without_its_configuration(made: Tiny) -> None:
    (made.root / "home/stacks/Pulumi.local.yaml").unlink()
    assert made.pitchbar("down", "--yes").returncode == 0
    assert made.files() == META


def test_a_stack_without_its_state(made: Tiny) -> None:
    for file in (made.root / "home/state/.pulumi/stacks/tiny").iterdir():
        file.unlink()
    assert made.pitchbar("down", "--yes").returncode == 0
    assert not any(name.startswith("stacks/") for name in made.files())


def test_what_runs_without_a_state_is_ended_too(made: Tiny) -> None:
    script = (
        "from infra.paths import environment_dir\n"
        "from infra.provider.local.supervisor import Inputs, SupervisorResource\n"
        "directory = environment_dir('local')\n"
        "SupervisorResource().create(Inputs(str(directory)))\n"
        "print(directory)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], env=made.environ, capture_output=True, text=True, check=True)
    layout = Layout(Path(ran.stdout.strip()))
    assert Supervisor(layout).answers()
    assert made.pitchbar("down", "--yes").returncode == 0
    assert not Supervisor(layout).answers()
    assert not layout.directory.exists()


def test_protected_resources_are_refused_in_the_engines_words_with_the_way_out(made: Tiny) -> None:
    made.turn(protect=True)
    made.pitchbar("up", "--yes")
    finished = made.pitchbar("down", "--yes")
    assert finished.returncode == 1
    assert 'resource "urn:pulumi:local::tiny::tiny:index:Thing::second" cannot be deleted' in finished.stderr
    assert finished.stderr.splitlines()[-2:] == [
        'To lift the protection, type: eval "$(pitchbar env -s local)" && pulumi state unprotect --all',
        "The rest of stack local is still there. To go on, type: pitchbar down -s local",
    ]
    assert made.shell('eval "$(pitchbar env -s local)" && pulumi state unprotect --all --yes').returncode == 0
    assert made.pitchbar("down", "--yes").returncode == 0

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


def test_it_leaves_nothing(tiny: Tiny) -> None:
    tiny.pitchbar("up", "-s", "demo", "--yes")
    finished = tiny.pitchbar("down", "-s", "demo", "--yes", "--json")
    document = json.loads(finished.stdout)
    assert document.pop("seconds") > 0
    assert document == {"stack": "demo", "result": "removed", "changes": {"delete": 3}, "error": None}
    assert tiny.files() == META
    again = tiny.pitchbar("down", "-s", "demo", "--yes")
    assert (again.returncode, again.stdout) == (0, "There is no stack demo here, so there is nothing to take down.\n")


def test_never_up(tiny: Tiny) -> None:
    finished = tiny.pitchbar("down")
    assert finished.returncode == 0
    assert finished.stdout == "There is no stack local here, so there is nothing to take down.\n"
    assert tiny.files() == set()


def test_half_made_and_half_removed(tiny: Tiny) -> None:
    tiny.pitchbar("up", "--yes")
    (tiny.root / "home/stacks/Pulumi.local.yaml").unlink()
    assert tiny.pitchbar("down", "--yes").returncode == 0
    assert tiny.files() == META
    tiny.pitchbar("up", "--yes")
    for file in (tiny.root / "home/state/.pulumi/stacks/tiny").iterdir():
        file.unlink()
    assert tiny.pitchbar("down", "--yes").returncode == 0
    assert not any(name.startswith("stacks/") for name in tiny.files())


def test_what_runs_without_a_state_is_ended_too(tiny: Tiny) -> None:
    tiny.pitchbar("up", "--yes")
    script = (
        "from infra.paths import environment_dir\n"
        "from infra.provider.local.supervisor import Inputs, SupervisorResource\n"
        "directory = environment_dir('local')\n"
        "SupervisorResource().create(Inputs(str(directory)))\n"
        "print(directory)\n"
    )
    made = subprocess.run([sys.executable, "-c", script], env=tiny.environ, capture_output=True, text=True, check=True)
    layout = Layout(Path(made.stdout.strip()))
    assert Supervisor(layout).answers()
    assert tiny.pitchbar("down", "--yes").returncode == 0
    assert not Supervisor(layout).answers()
    assert not layout.directory.exists()


def test_protected_resources_are_refused_in_the_engines_words_with_the_way_out(tiny: Tiny) -> None:
    tiny.turn(protect=True)
    tiny.pitchbar("up", "--yes")
    finished = tiny.pitchbar("down", "--yes")
    assert finished.returncode == 1
    assert 'resource "urn:pulumi:local::tiny::tiny:index:Thing::second" cannot be deleted' in finished.stderr
    assert finished.stderr.splitlines()[-2:] == [
        'To lift the protection, type: eval "$(pitchbar env -s local)" && pulumi state unprotect --all',
        "The rest of stack local is still there. To go on, type: pitchbar down -s local",
    ]
    assert tiny.shell('eval "$(pitchbar env -s local)" && pulumi state unprotect --all --yes').returncode == 0
    assert tiny.pitchbar("down", "--yes").returncode == 0

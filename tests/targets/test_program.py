"""The Pulumi program: its outputs, its configuration, and what it never loads."""

import ast
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.paths import release_store
from infra.release.choice import choose, working_tree
from infra.release.content import release_id
from infra.release.manifest import Folder, Manifest, write
from infra.release.migrations import Revision
from infra.release.runtime import render as render_runtime
from infra.targets.choice import target
from tests.support.engine import Recording, render
from tests.support.environment import APP

RUNTIME = render_runtime(environment(load(), "local"))

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("pulumi_aws", "pulumi_cloudflare", "pulumi_docker", "boto3", "botocore")


@pytest.fixture(autouse=True)
def own_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITCHBAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PITCHBAR_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PITCHBAR_APP_DIR", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)


def program(stack: str, **config: str) -> Recording:
    namespaced = {f"pitchbar:{name}": value for name, value in config.items()}
    return render(lambda: runpy.run_module("stacks.__main__"), stack=stack, config=namespaced)


def test_its_outputs_are_the_same_on_every_target() -> None:
    release = release_id(APP, RUNTIME)
    recording = program("local")
    assert recording.outputs == {
        "environment": "local",
        "target": "local",
        "release": release,
        "app_url": "http://app.localhost:20007",
        "widget_url": "http://cdn.localhost:20007/widget/widget.js",
        "realtime_url": "ws://realtime.localhost:20007",
        "realtime_key": "realtime-key.value",
        "processes": {
            "app": {"replicas": 1, "release": release},
            "worker": {"replicas": 1, "release": release},
            "realtime": {"replicas": 1, "release": release},
        },
        "capabilities": [
            *("daily-backups", "point-in-time-recovery", "queue-scaling", "queue-tick"),
            *("redis-persistence", "replicas", "tls"),
        ],
        "lacking": ["sticky-sessions", "versioned-storage"],
        "admin_password": "admin-password.value",
        "internal_queue_token": "queue-token.value",
        "app_key": "app-key.value",
        "app_key_previous": "app-key.previous",
        "ca_certificate": "gateway.ca_certificate",
        "schema_revision": "migration.revision",
    }
    secret = {"admin_password", "app_key", "app_key_previous", "internal_queue_token"}
    assert secret <= recording.secret_outputs <= {*secret, "realtime_key"}


def test_any_environment_lands_here_under_a_name_of_its_own() -> None:
    recording = program("rehearsal", environment="production", port="8080", tls="true")
    outputs = recording.outputs
    assert (outputs["environment"], outputs["target"]) == ("production", "local")
    assert outputs["app_url"] == "https://app.rehearsal.localhost:20007"
    assert outputs["realtime_url"] == "wss://realtime.rehearsal.localhost:20007"
    assert outputs["processes"]["app"]["replicas"] == 2
    assert recording.one("pitchbar:local:Gateway").inputs["port"] == 8080


def test_a_domain_of_ones_own_is_in_the_addresses() -> None:
    assert program("local", domain="pitchbar.test").outputs["app_url"] == "http://app.pitchbar.test:20007"


def test_a_pinned_release_is_not_made_from_the_working_tree() -> None:
    pinned = Manifest("fedcba987654", "2026-01-01T00:00:00.000Z", "someone", "", (Revision("0001", "expand"),), RUNTIME)
    store = release_store("local") / pinned.id
    store.mkdir(parents=True)
    write(store, pinned)
    recording = program("local", release="fedcba987654")
    assert recording.outputs["release"] == "fedcba987654"
    assert recording.one("pitchbar:local:Release").inputs["source"] == ""


def test_a_pin_on_the_working_tree_releases_it() -> None:
    release = release_id(APP, RUNTIME)
    assert program("local", release=release).one("pitchbar:local:Release").inputs["source"] == str(APP)


def test_another_image_is_another_release(tmp_path: Path) -> None:
    staging, store = environment(load(), "staging"), Folder(tmp_path)
    images = (None, "ghcr.io/pitchbar/pitchbar:1.4.2", "ghcr.io/pitchbar/pitchbar:1.4.3")
    trees = [working_tree(APP, staging, image) for image in images]
    assert len({tree.release for tree in trees}) == 3
    assert [choose(None, APP, staging, store, image=image) for image in images] == trees
    assert choose(trees[1].release, APP, staging, store, image=images[1]) == trees[1]


def test_a_pin_on_nothing_is_refused_in_words() -> None:
    with pytest.raises(UserError) as refusal:
        choose("fedcba987654", APP, environment(load(), "local"), Folder(release_store("local")))
    assert str(refusal.value) == (
        "The pinned release fedcba987654 is not in the release store, which is empty. "
        "Run `pulumi config rm pitchbar:release`."
    )


def test_the_same_configuration_declares_the_same_twice() -> None:
    """A no-op `up` has 0 changes only if nothing in the plan depends on the moment or on the order of sets."""
    first, second = (program("local") for _ in range(2))
    assert first.resources == second.resources


def test_two_stacks_share_no_folder() -> None:
    first, second = (program(stack, environment="local").one("pitchbar:local:Supervisor") for stack in ("one", "two"))
    assert first.inputs["directory"] != second.inputs["directory"]


def test_a_target_that_is_not_built_yet_is_refused_in_words() -> None:
    sentence = (
        "The target docker isn't built yet; this version of Pitchbar lands on local and aws. "
        "Run `pulumi config set pitchbar:target local`."
    )
    with pytest.raises(UserError) as refusal:
        target("docker")
    assert str(refusal.value) == sentence
    with pytest.raises(UserError) as refused_program:
        program("staging", target="docker", domain="pitchbar.example")
    assert str(refused_program.value) == sentence


def test_a_demand_that_the_target_lacks_is_refused_in_words() -> None:
    with pytest.raises(UserError) as refusal:
        program("local", require="multi-az")
    assert str(refusal.value) == (
        "The target local lacks what was asked for. Choose another target (`pulumi config set pitchbar:target aws`) "
        "or take the demand back:\n  multi-az (asked for by pitchbar:require of this stack): "
        "it needs a provider with several zones."
    )


def test_a_mistake_in_the_configuration_is_refused_before_anything_is_declared() -> None:
    with pytest.raises(UserError, match="The configuration of stack local has 1 problem:"):
        program("local", tls="yes")


def test_the_local_target_loads_nothing_of_a_cloud() -> None:
    script = (
        "import json, sys; from infra.targets.choice import target; target('local'); import infra.load; "
        f"print(json.dumps(sorted(m for m in sys.modules if m.partition('.')[0] in {FOREIGN!r})))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout) == []


def test_neither_the_program_nor_the_local_target_names_a_cloud_package() -> None:
    """An import inside a function would be missed by loading."""
    paths = [*(ROOT / "stacks").glob("*.py"), *(ROOT / "infra" / "targets" / "local").glob("*.py")]
    assert len(paths) > 6
    for path in [*paths, ROOT / "infra" / "targets" / "base.py", ROOT / "infra" / "resources.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] in FOREIGN], path

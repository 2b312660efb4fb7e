"""Production on the real engine, told once: first up, again, a release that is refused and then goes on, and destroy.

AWS, Cloudflare and Docker are doubles (tests/support/aws/providers.py), and so is the plugin's work on AWS; engine,
program, state and the plugin itself are the real ones.
"""

from __future__ import annotations

import collections
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.paths import project_root
from tests.support.aws.doubles import CloudDouble
from tests.support.aws.engine import Entry, engine
from tests.support.aws.program import RELEASED, configuration
from tests.support.stack import Done

STACK = "production"
PLANTED = "cloudflare-token-planted-by-the-test"
MIGRATION = "pitchbar:aws:Migration"
TASK, SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
DATABASE = "aws:rds/instance:Instance"


@dataclass
class Step:
    """One command: what it said, what it changed by its own account, and what the doubles were asked for."""

    done: Done
    changes: dict[str, int]
    effects: list[Entry]

    def types(self) -> dict[str, set[str]]:
        """The operations by type."""
        return by_type(self.effects)


def by_type(effects: list[Entry]) -> dict[str, set[str]]:
    """The operations by type."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for operation, type, _ in effects:
        found[type].add(operation)
    return dict(found)


@dataclass
class Story:
    """All that happened."""

    steps: dict[str, Step] = field(default_factory=dict)
    state: str = ""
    backend: str = ""
    secrets: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Each step of the story, done once."""
    told = Story()
    app = tmp_path_factory.mktemp("source") / "app"
    shutil.copytree(project_root() / "app", app, ignore=shutil.ignore_patterns("__pycache__", "widget", "node_modules"))
    with engine(STACK, CloudDouble(), app=app) as stack:
        stack.configure(configuration(STACK), {"cloudflare:apiToken": PLANTED})

        def step(name: str, done: Done) -> None:
            told.steps[name] = Step(done, stack.changes(), stack.effects())

        step("first", stack.up())
        step("again", stack.up())
        _edit(app, "another release")
        stack.refuse(MIGRATION)
        step("refused", stack.up())
        stack.refuse(None)
        step("mended", stack.up())
        step("destroy", stack.destroy())
        told.state = json.dumps(stack.state())
        told.backend = _texts(stack.folder / "state")
        told.secrets = {**_secrets(stack.state("--show-secrets")), "planted": PLANTED}
        yield told


def _edit(app: Path, mark: str) -> None:
    package = app / "pitchbar_app" / "__init__.py"
    package.write_text(package.read_text() + f"# {mark}\n")


def _texts(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())


def _secrets(state: dict[str, Any]) -> dict[str, str]:
    """The values of the generated secrets."""
    found = {}
    for each in state["deployment"]["resources"]:
        if each["type"] == "pitchbar:index:Secret":
            found[each["urn"].rpartition("::")[2]] = json.loads(each["outputs"]["value"]["plaintext"])
    return found


def test_the_first_update_makes_everything(story: Story) -> None:
    step = story.steps["first"]
    assert step.done.code == 0, step.done.output
    assert set(step.changes) == {"create"}
    assert {operation for operation, _, _ in step.effects} == {"create"}


def test_nothing_is_made_before_the_task_that_migrates(story: Story) -> None:
    types = [type for _, type, _ in story.steps["first"].effects if type.startswith("aws:")]
    assert max(place for place, type in enumerate(types) if type == DATABASE) < types.index(SERVICE)


def test_the_second_update_changes_nothing(story: Story) -> None:
    step = story.steps["again"]
    assert step.done.code == 0, step.done.output
    assert (step.changes, step.effects) == ({}, [])


def test_a_refused_migration_leaves_the_services_as_they_were(story: Story) -> None:
    step = story.steps["refused"]
    assert step.done.code != 0
    assert "The double of pitchbar:aws:Migration refuses." in step.done.output
    assert "Traceback" not in step.done.output
    assert SERVICE not in step.types()
    assert not [entry for entry in step.effects if entry[0] == "delete"], "the running release's tasks were removed"


def test_the_next_update_goes_on_from_there(story: Story) -> None:
    step = story.steps["mended"]
    assert step.done.code == 0, step.done.output
    assert {name for operation, type, name in step.effects if type == SERVICE} == {"app", "worker", "realtime"}
    assert "docker:index/image:Image" not in step.types(), "the image was built again"


def test_a_release_touches_what_runs_it_and_nothing_else(story: Story) -> None:
    effects = [*story.steps["refused"].effects, *story.steps["mended"].effects]
    assert by_type(effects).keys() == RELEASED
    assert by_type(effects) == {
        "docker:index/image:Image": {"create"},
        "aws:s3/bucketObjectv2:BucketObjectv2": {"create"},
        TASK: {"create", "delete"},
        SERVICE: {"update"},
        MIGRATION: {"update"},
        "pitchbar:aws:Verification": {"update"},
        "pitchbar:aws:FirstTick": {"update"},
    }


def test_what_is_protected_can_not_be_destroyed_and_nothing_else_goes_before_that_is_known(story: Story) -> None:
    step = story.steps["destroy"]
    assert step.done.code != 0
    assert "because it is protected" in step.done.output
    assert step.effects == []


def test_no_secret_is_in_plain_text_in_state_backend_or_output(story: Story) -> None:
    assert len(story.secrets) > 7
    said = "\n".join(step.done.output for step in story.steps.values())
    for name, value in story.secrets.items():
        assert len(value) > 15
        for where, text in {"state": story.state, "backend": story.backend, "output": said}.items():
            assert value not in text, f"{name} is in the {where}"


def test_the_search_for_secrets_would_see_one(story: Story) -> None:
    assert "app.pitchbar.com" in story.state and "app.pitchbar.com" in story.backend

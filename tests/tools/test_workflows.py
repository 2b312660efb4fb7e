"""The workflows: they call the make targets and nothing else, and the checkers of workflows find nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import paths, toolchain

ROOT = paths.project_root()
WORKFLOWS = {file.stem: file for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
TARGETS = {"tests": ["make test"], "lint": ["make lint"], "widget": ["make widget-check"]}
ACTIONLINT = toolchain.recorded().get("actionlint") or "actionlint"
ZIZMOR = [str(ROOT / ".venv" / "bin" / "zizmor"), "--offline", "--no-progress", "--quiet", "--persona", "auditor"]

UNPINNED = "      - uses: actions/checkout@v7\n"
INJECTION = "      - run: echo ${{ github.event.pull_request.title }}\n"


def document(name: str) -> dict[Any, Any]:
    """A workflow; its key `on` is read as True, because YAML 1.1 takes it for a boolean."""
    loaded: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return loaded


def steps(name: str) -> Iterator[dict[str, Any]]:
    """Every step of every job."""
    for job in document(name)["jobs"].values():
        yield from job["steps"]


def check(command: list[str]) -> tuple[int, str]:
    """Run a checker; its exit code and what it printed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def test_there_is_one_for_each_of_the_three_checks() -> None:
    assert set(WORKFLOWS) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_it_runs_its_make_target_and_nothing_else(name: str) -> None:
    assert [step["run"] for step in steps(name) if "run" in step] == TARGETS[name]
    makefile = (ROOT / "Makefile").read_text()
    for command in TARGETS[name]:
        assert re.search(rf"^{command.removeprefix('make ')}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("name", TARGETS)
def test_it_runs_for_every_change_with_the_least_permissions(name: str) -> None:
    workflow = document(name)
    assert workflow[True] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"] == f"{name}-${{{{ github.ref }}}}"
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert 5 <= job["timeout-minutes"] <= 60


@pytest.mark.parametrize("name", TARGETS)
def test_its_actions_are_pinned_by_commit_and_the_checkout_keeps_no_credentials(name: str) -> None:
    lines = [line.strip() for line in WORKFLOWS[name].read_text().splitlines() if "uses:" in line]
    assert len(lines) == 5
    for line in lines:
        assert re.fullmatch(r"- uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    [checkout] = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False}


def test_an_action_has_one_version_in_all_of_them() -> None:
    used = {step["uses"] for name in TARGETS for step in steps(name) if "uses" in step}
    assert len(used) == len({action.partition("@")[0] for action in used})


def test_actionlint_finds_nothing() -> None:
    assert check([ACTIONLINT, "-shellcheck=", "-pyflakes="]) == (0, "")


def test_zizmor_finds_nothing() -> None:
    assert check([*ZIZMOR, ".github"])[0] == 0, check([*ZIZMOR, ".github"])[1]


@pytest.mark.parametrize(("step", "finding"), [(UNPINNED, "unpinned-uses"), (INJECTION, "template-injection")])
def test_zizmor_would_find_a_mistake(tmp_path: Path, step: str, finding: str) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "lint.yml").write_text(WORKFLOWS["lint"].read_text() + step)
    code, said = check([*ZIZMOR, str(tmp_path)])
    assert code != 0 and finding in said


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "lint.yml"
    file.write_text(WORKFLOWS["lint"].read_text() + "      - run: echo ${{ github.nothing }}\n")
    code, said = check([ACTIONLINT, "-shellcheck=", "-pyflakes=", str(file)])
    assert code == 1 and 'property "nothing" is not defined' in said

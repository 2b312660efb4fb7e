"""The widget's build: the bundle in the app is what the source makes, and it stays small."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.errors import UserError
from tools import widget


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the widget and its bundle that a test may edit."""
    folder, static = tmp_path / "app" / "widget", tmp_path / "app" / "pitchbar_app" / "web" / "static"
    shutil.copytree(widget.FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(widget.FOLDER / "node_modules")
    shutil.copytree(widget.FOLDER.parent / "pitchbar_app" / "web" / "static", static)
    return folder


def run(name: str, folder: Path) -> tuple[int, str]:
    """Run one of the widget's tools in a folder; its exit code and what it printed."""
    done = subprocess.run(widget.command(name), cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def edit(folder: Path, text: str) -> None:
    """Add to the widget's source."""
    with (folder / "src" / "widget.ts").open("a") as source:
        source.write(text)


def test_the_bundle_in_the_app_is_what_the_source_makes() -> None:
    code, said = run("check", widget.FOLDER)
    assert code == 0, said
    assert "gzipped; the budget is 15000 gzipped" in said


def test_an_edited_source_without_its_bundle_is_noticed(copy: Path) -> None:
    edit(copy, 'document.title = "edited";\n')
    assert run("check", copy) == (
        1,
        run("build", copy)[1] + "The widget in the app is not what app/widget/src makes. Type: make widget\n",
    )
    assert run("check", copy)[0] == 0


def test_a_compressed_bundle_of_another_source_is_noticed(copy: Path) -> None:
    packed = copy.parent / "pitchbar_app" / "web" / "static" / "widget.js.br"
    plain = packed.read_bytes()
    edit(copy, 'document.title = "edited";\n')
    run("build", copy)
    packed.write_bytes(plain)
    assert run("check", copy)[0] == 1


@pytest.mark.parametrize("name", ["build", "check"])
def test_a_bundle_over_its_budget_is_refused(copy: Path, name: str) -> None:
    script = copy.parent / "pitchbar_app" / "web" / "static" / "widget.js"
    before = script.read_bytes()
    edit(copy, f'document.title = "{secrets.token_hex(15_000)}";\n')
    code, said = run(name, copy)
    assert code == 1
    assert said.endswith("gzipped; the budget is 15000 gzipped. Make it smaller.\n")
    assert script.read_bytes() == before


def test_markup_from_text_and_wrong_types_are_refused(copy: Path) -> None:
    edit(copy, "export const count: number = document.body.innerHTML;\n")
    assert "Type 'string' is not assignable to type 'number'" in run("types", copy)[1]
    assert "Use textContent" in run("lint", copy)[1]


def test_without_its_tools_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(widget, "FOLDER", tmp_path)
    with pytest.raises(UserError) as caught:
        widget.command("build")
    assert str(caught.value) == "The widget's tools are missing. To get them, type: make setup-dev"

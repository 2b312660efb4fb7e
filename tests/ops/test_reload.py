"""Following the working tree: what is copied, who is restarted, and what makes another release."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.ops import dev, reload
from infra.ops.console import Console
from infra.paths import project_root
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import ProcessInfo, Supervisor
from infra.release.choice import choose, live, working_tree
from infra.release.manifest import Folder

LOCAL = environment(load(), "local")
PACKAGE = Path("pitchbar_app")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the app that a test may edit."""
    folder = tmp_path / "app"
    shutil.copytree(project_root() / "app", folder, ignore=shutil.ignore_patterns("__pycache__", "widget"))
    return folder


def edit(file: Path) -> None:
    """Add a line to a file."""
    file.write_text(file.read_text() + "\n# edited\n")


def test_what_was_edited_added_or_removed_is_copied(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(app, copy)
    assert reload.synchronise(app, copy) == frozenset()
    edit(app / PACKAGE / "worker.py")
    (app / PACKAGE / "new").mkdir()
    (app / PACKAGE / "new" / "page.html").write_text("new")
    (app / PACKAGE / "logs.py").unlink()
    changed = reload.synchronise(app, copy)
    assert changed == {PACKAGE / "worker.py", PACKAGE / "new" / "page.html", PACKAGE / "logs.py"}
    assert (copy / PACKAGE / "worker.py").read_text().endswith("# edited\n")
    assert (copy / PACKAGE / "new" / "page.html").read_text() == "new"
    assert not (copy / PACKAGE / "logs.py").exists()
    assert reload.synchronise(app, copy) == frozenset()


def test_compiled_code_of_what_was_edited_is_removed(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(app, copy)
    folder = copy / PACKAGE / "__pycache__"
    folder.mkdir()
    stale, other = folder / "worker.cpython-311.pyc", folder / "logs.cpython-311.pyc"
    stale.touch()
    other.touch()
    edit(app / PACKAGE / "worker.py")
    reload.synchronise(app, copy)
    assert (stale.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize(
    ("changed", "users"),
    [
        (["web/pages.py"], ("app",)),
        (["web/static/widget.js", "web/templates/index.html"], ("app",)),
        (["realtime/hub.py"], ("realtime",)),
        (["web/pages.py", "realtime/hub.py"], ("app", "realtime")),
        (["jobs/canary.py"], ("app", "worker", "realtime")),
        (["settings.py", "web/pages.py"], ("app", "worker", "realtime")),
    ],
)
def test_only_processes_that_use_a_file_are_restarted(changed: list[str], users: tuple[str, ...]) -> None:
    assert reload.users_of(PACKAGE / name for name in changed) == users


def test_a_process_that_ends_late_in_its_start_is_noticed_between_two_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow machine it counts as running for a while, and is started again at once when it ends."""
    looks = iter([(), (101,), (101,), (102,), (103,)])

    class Slow(Supervisor):
        def stop(self, name: str) -> None: ...

        def resume(self, name: str) -> bool:
            return True

        def failed(self, name: str) -> ProcessInfo | None:
            return None

        def processes(self, name: str | None = None) -> tuple[ProcessInfo, ...]:
            return tuple(ProcessInfo("app-1-0", 20, pid, "") for pid in next(looks))

    monkeypatch.setattr(reload, "Supervisor", Slow)
    folder = tmp_path / "services" / "app-1"
    folder.mkdir(parents=True)
    (folder / ACCEPTED).touch()
    (folder / "service.json").write_text('{"release": "r", "process": "app", "replicas": 1}')
    [restarted] = reload.restart(Layout(tmp_path), "r", ["app"])
    assert restarted.problem == "app ended at its start; its last lines say why"
    assert list(looks) == [(103,)], "nobody looked on"


def test_its_release_stays_the_same_until_more_than_a_restart_is_needed(app: Path) -> None:
    first = live(app, LOCAL).release
    edit(app / PACKAGE / "worker.py")
    assert live(app, LOCAL).release == first
    edit(app / PACKAGE / "migrations" / "versions" / "0001_sources.py")
    second = live(app, LOCAL).release
    edit(app / "requirements.txt")
    third = live(app, LOCAL).release
    assert len({first, second, third}) == 3
    assert all(release.startswith("working-tree-") for release in (first, second, third))


def test_a_pinned_release_that_follows_the_working_tree_is_made_from_it(app: Path, tmp_path: Path) -> None:
    pinned = live(app, LOCAL).release
    assert choose(pinned, app, LOCAL, Folder(tmp_path / "store")) == live(app, LOCAL)
    assert choose(None, app, LOCAL, Folder(tmp_path / "store")) == working_tree(app, LOCAL)
    edit(app / "requirements.txt")
    with pytest.raises(UserError, match="is not in the release store"):
        choose(pinned, app, LOCAL, Folder(tmp_path / "store"))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (FileNotFoundError("pages.py~"), ""),
        (
            UserError("cloud.yaml is not right."),
            "error: cloud.yaml is not right.\nThe environment stays as it is until",
        ),
    ],
)
def test_what_can_not_be_followed_ends_nothing(
    problem: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that an editor took away again, or infra/cloud.yaml half-written: the next edit is another chance."""
    edits: list[str] = []

    def follow(self: object) -> None:
        edits.append("edit")
        if len(edits) == 1:
            raise problem

    monkeypatch.setattr(dev._Session, "_follow", follow)
    monkeypatch.setattr(dev._Session, "_bring_up", lambda self: None)
    monkeypatch.setattr(dev._Session, "_start_bundler", lambda self: None)
    monkeypatch.setattr("watchfiles.watch", lambda *paths: iter([set(), set()]))
    dev._Session("tried", Console()).run()
    assert len(edits) == 2
    assert capsys.readouterr().err.startswith(told)


def test_a_stack_that_is_described_in_the_checkout_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        dev.dev("staging", Console())
    assert str(caught.value) == (
        "Stack staging is described in Pulumi.staging.yaml, and a working tree is no release for it. "
        "Take another name: .venv/bin/pitchbar dev -s dev-staging"
    )

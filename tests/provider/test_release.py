"""The release store: content-addressed, complete or not there, never short of what is in use."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.provider.local.release import KEPT, Inputs, ReleaseResource, State
from infra.release.content import files, release_id
from infra.release.migrations import Revision, revisions
from infra.release.runtime import render, to_json
from tests.support.environment import APP, Environment

RESOURCE = ReleaseResource()
RUNTIME = render(environment(load(), "local"))


@pytest.fixture
def source(folder: Path) -> Path:
    """A small app with the bundled app's dependencies, so that no environment has to be made for it."""
    app = folder / "app"
    versions = app / "pitchbar_app" / "migrations" / "versions"
    versions.mkdir(parents=True)
    shutil.copyfile(APP / "requirements.txt", app / "requirements.txt")
    (app / "pitchbar_app" / "__init__.py").write_text("")
    (app / "pitchbar_app" / "page.html").write_text("<p>one</p>")
    revision(versions, "0001", None)
    return app


@pytest.fixture(autouse=True)
def empty_store(home: Environment) -> None:
    for path in home.layout.releases.iterdir():
        shutil.rmtree(path)


def revision(versions: Path, name: str, down: str | None) -> None:
    phase = 'phase = "expand"\n'
    (versions / f"{name}.py").write_text(f"revision: str = {name!r}\ndown_revision = {down!r}\n{phase}")


def change(source: Path, text: str) -> str:
    (source / "pitchbar_app" / "page.html").write_text(text)
    return release_id(source, RUNTIME)


def inputs(home: Environment, source: Path, release: str = "") -> Inputs:
    return Inputs(home.directory, release or release_id(source, RUNTIME), to_json(RUNTIME), str(source))


def create(home: Environment, source: Path) -> State:
    return RESOURCE.create(inputs(home, source))[1]


def stored(home: Environment) -> set[str]:
    return {path.name for path in home.layout.releases.iterdir()}


def test_the_same_content_is_the_same_release_wherever_and_whenever(source: Path, folder: Path) -> None:
    copy = folder / "elsewhere"
    shutil.copytree(source, copy)
    os.utime(copy / "requirements.txt", (1, 1))
    (copy / "pitchbar_app" / "__pycache__").mkdir()
    (copy / "pitchbar_app" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (copy / "pitchbar_app" / ".hidden").write_text("x")
    (copy / "pyproject.toml").write_text("x")
    assert release_id(copy, RUNTIME) == release_id(source, RUNTIME)
    assert re.fullmatch("[0-9a-f]{12}", release_id(source, RUNTIME))


def test_another_content_name_or_lock_is_another_release(source: Path) -> None:
    seen = {release_id(source, RUNTIME), change(source, "<p>two</p>")}
    (source / "pitchbar_app" / "page.html").rename(source / "pitchbar_app" / "other.html")
    seen.add(release_id(source, RUNTIME))
    with (source / "requirements.txt").open("a") as lock:
        lock.write("# edited\n")
    seen.add(release_id(source, RUNTIME))
    assert len(seen) == 4


def test_one_file_that_looks_like_two_is_another_release(source: Path) -> None:
    package = source / "pitchbar_app"
    (package / "a").write_bytes(b"xpitchbar_app/b\0y")
    before = release_id(source, RUNTIME)
    (package / "a").write_bytes(b"x")
    (package / "b").write_bytes(b"y")
    assert release_id(source, RUNTIME) != before


def test_a_folder_without_an_app_is_refused(folder: Path) -> None:
    with pytest.raises(UserError) as refusal:
        release_id(folder, RUNTIME)
    assert str(refusal.value) == (
        f"{folder} holds no app: it needs the package pitchbar_app/ and requirements.txt. Run this in a whole checkout."
    )


def test_another_runtime_configuration_is_another_release(source: Path) -> None:
    migration = dataclasses.replace(RUNTIME, migration_timeout=RUNTIME.migration_timeout + 1)
    assert release_id(source, migration) != release_id(source, RUNTIME)


def test_revisions_are_in_the_order_that_they_follow_each_other(source: Path) -> None:
    versions = source / "pitchbar_app" / "migrations" / "versions"
    revision(versions, "aaaa", "0001")
    assert revisions(source) == (Revision("0001", "expand"), Revision("aaaa", "expand"))


def test_two_heads_and_none_are_refused(source: Path) -> None:
    versions = source / "pitchbar_app" / "migrations" / "versions"
    revision(versions, "aaaa", "0001")
    revision(versions, "bbbb", "0001")
    with pytest.raises(UserError) as refusal:
        revisions(source)
    assert str(refusal.value) == (
        "The app's migrations must be one line from the first to the head. Not on it: aaaa.py. "
        "Set down_revision of each to the one before it."
    )
    for file in versions.iterdir():
        file.unlink()
    with pytest.raises(UserError, match="Not on it: none"):
        revisions(source)


def test_a_revision_says_what_it_does_to_earlier_releases(source: Path) -> None:
    versions = source / "pitchbar_app" / "migrations" / "versions"
    (versions / "0002.py").write_text('revision = "0002"\ndown_revision = "0001"\n')
    destructive = 'def upgrade():\n    op.execute("ALTER TABLE sources DROP COLUMN url")\n'
    (versions / "0003.py").write_text(f'revision = "0003"\ndown_revision = "0002"\nphase = "expand"\n{destructive}')
    with pytest.raises(UserError) as refusal:
        revisions(source)
    assert refusal.value.problems == (
        '0002.py: say what it does to earlier releases: phase = "expand" or phase = "contract".',
        '0003.py: says phase = "expand", but its upgrade() has "DROP COLUMN", which earlier releases may not survive. '
        'Do it in a release after the one that stopped using it, with phase = "contract".',
    )


def test_a_release_is_a_copy_with_its_python_and_its_head(home: Environment, source: Path) -> None:
    state = create(home, source)
    path = Path(state.path)
    assert path == home.layout.releases / state.release
    assert release_id(path, RUNTIME) == state.release
    assert [file.relative_to(path) for file in files(path)] == [file.relative_to(source) for file in files(source)]
    assert state.migration_head == "0001"
    assert subprocess.run([state.python, "-c", "import starlette"], check=True).returncode == 0


def test_its_modules_are_compiled_for_the_folder_where_they_are(home: Environment, source: Path) -> None:
    package = Path(create(home, source).path) / "pitchbar_app"
    [compiled] = (package / "__pycache__").glob("__init__.*.pyc")
    assert str(package / "__init__.py").encode() in compiled.read_bytes()


def test_its_manifest_says_what_it_is(home: Environment, source: Path) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    state = create(home, source)
    manifest = json.loads((Path(state.path) / "manifest.json").read_text())
    assert list(manifest) == ["id", "created_at", "created_by", "commit", "revisions", "runtime", "image"]
    assert before <= manifest["created_at"] <= time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime())
    assert (manifest["id"], manifest["commit"]) == (state.release, "")
    assert manifest["revisions"] == [{"id": "0001", "phase": "expand"}]
    assert manifest["runtime"] == json.loads(to_json(RUNTIME))
    assert manifest["created_by"]


def test_its_manifest_names_the_commit_and_whether_it_was_edited(home: Environment, source: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(source), "-c", "user.name=n", "-c", "user.email=e@example.com", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit() -> str:
        return str(json.loads((Path(create(home, source).path) / "manifest.json").read_text())["commit"])

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    assert commit() == git("rev-parse", "HEAD")
    change(source, "<p>edited</p>")
    assert commit() == f"{git('rev-parse', 'HEAD')}-dirty"


def test_the_same_release_is_made_once(home: Environment, source: Path) -> None:
    state = create(home, source)
    manifest = Path(state.path) / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert create(home, source) == state
    assert manifest.stat().st_mtime_ns == before


def test_a_next_release_leaves_the_one_before(home: Environment, source: Path) -> None:
    first = create(home, source)
    change(source, "<p>two</p>")
    second = RESOURCE.update("releases", first, inputs(home, source))
    assert stored(home) == {first.release, second.release}
    assert (Path(first.path) / "pitchbar_app" / "page.html").read_text() == "<p>one</p>"


def test_what_an_interruption_left_is_made_anew(home: Environment, source: Path) -> None:
    release = release_id(source, RUNTIME)
    for left in (home.layout.releases / f".{release}.draft", home.layout.releases / release):
        (left / "pitchbar_app").mkdir(parents=True)
        (left / "pitchbar_app" / "torn.py").write_text("x = (")
    state = create(home, source)
    assert stored(home) == {release}
    assert release_id(Path(state.path), RUNTIME) == release


def test_a_source_that_is_edited_meanwhile_is_refused_and_leaves_nothing(
    home: Environment, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def edit_then_copy(origin: Path, target: Path) -> None:
        if Path(origin).name == "page.html":
            change(source, "<p>edited while it was copied</p>")
        copy(origin, target)

    wanted = inputs(home, source)
    monkeypatch.setattr(shutil, "copyfile", edit_then_copy)
    with pytest.raises(UserError) as refusal:
        RESOURCE.create(wanted)
    assert str(refusal.value) == (
        f"{source} was edited while release {wanted.release} was made from it. Run `pulumi up` again."
    )
    assert stored(home) == set()


def test_the_oldest_go_and_those_in_use_stay(home: Environment, source: Path) -> None:
    releases = []
    for number in range(KEPT + 3):
        change(source, f"<p>{number}</p>")
        releases.append(create(home, source).release)
        time.sleep(0.002)  # The manifest's time has milliseconds.
        if number == 1:
            service = home.layout.services / "app-00000000"
            service.mkdir()
            (service / "service.json").write_text(json.dumps({"release": releases[-1]}))
    assert stored(home) == {releases[1], *releases[-KEPT:]}
    shutil.rmtree(service)


def test_an_old_release_that_is_asked_for_again_stays(home: Environment, source: Path) -> None:
    first = create(home, source)
    for number in range(KEPT - 1):
        change(source, f"<p>{number}</p>")
        create(home, source)
    change(source, "<p>last</p>")
    RESOURCE.create(Inputs(home.directory, first.release, to_json(RUNTIME)))
    assert first.release in stored(home)


def test_a_pinned_release_of_the_store_needs_no_source(home: Environment, source: Path) -> None:
    first = create(home, source)
    pinned = Inputs(home.directory, first.release, to_json(RUNTIME))
    assert RESOURCE.check(pinned) == {}
    assert RESOURCE.update("releases", first, pinned) == State(**{**vars(first), "source": ""})


def test_an_unknown_pin_is_refused_with_what_there_is(home: Environment, source: Path) -> None:
    known = [create(home, source).release]
    change(source, "<p>two</p>")
    time.sleep(0.002)  # The manifest's time has milliseconds.
    known.append(create(home, source).release)
    assert RESOURCE.check(Inputs(home.directory, "0123456789ab", to_json(RUNTIME))) == {
        "release": f"0123456789ab is not in the release store, which holds {known[1]}, {known[0]}."
    }


def test_a_pin_on_an_empty_store_is_refused_with_the_way_out(home: Environment) -> None:
    assert RESOURCE.check(Inputs(home.directory, "0123456789ab", to_json(RUNTIME))) == {
        "release": "0123456789ab is not in the release store, which is empty. Run `pulumi config rm pitchbar:release`."
    }


def test_a_refresh_finds_it_or_finds_it_gone(home: Environment, source: Path) -> None:
    state = create(home, source)
    assert RESOURCE.read("releases", state) == state
    shutil.rmtree(state.path)
    assert RESOURCE.read("releases", state) is None


def test_delete_removes_the_store(home: Environment, source: Path) -> None:
    state = create(home, source)
    RESOURCE.delete("releases", state)
    assert not home.layout.releases.exists()
    home.layout.releases.mkdir()

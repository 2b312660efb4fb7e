"""Who runs and owns what."""

import os
import stat
from pathlib import Path

import pytest

from infra.provider.local import layout
from infra.provider.local.layout import user_for, write_private
from tests.support.environment import PYTHON, owner_name


def test_a_program_that_everyone_can_reach_runs_as_the_services_user_when_started_by_root(folder: Path) -> None:
    user = user_for(Path(PYTHON))
    assert (user.pw_name if user else None) == ("pitchbar" if os.geteuid() == 0 else None)


def test_a_program_in_a_closed_folder_runs_as_the_user_who_starts_it(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "link").symlink_to(PYTHON)
    assert user_for(closed / "link") is None


def test_a_private_file_is_private_from_its_first_byte_and_replaced_in_one_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "secret"
    file.write_text("before")
    seen: list[tuple[int, str]] = []
    rename = Path.rename

    def watched(draft: Path, target: Path) -> Path:
        seen.append((stat.S_IMODE(draft.stat().st_mode), file.read_text()))
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", watched)
    previous = os.umask(0)
    try:
        write_private(file, "after")
    finally:
        os.umask(previous)
    assert seen == [(0o600, "before")]
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("after", 0o600)
    assert [path.name for path in folder.iterdir()] == ["secret"]


def test_a_services_private_file_belongs_to_its_user(folder: Path) -> None:
    write_private(folder / "config", "x", for_service=True)
    assert (folder / "config").owner() == owner_name()


def test_removing_what_is_gone_is_fine_and_what_stays_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.remove(folder / "never")
    (folder / "kept").mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(OSError, match="kept could not be removed"):
        layout.remove(folder / "kept")

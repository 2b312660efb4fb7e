"""Set-up's parts for those who work on Pitchbar: wanted only with --dev, mended when stale, and what they say."""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infra import paths, toolchain
from tools.provision.context import Context
from tools.provision.execute import PartError
from tools.provision.parts import develop, documentation
from tools.provision.parts.develop import Actionlint, Chromium, WidgetPackages
from tools.provision.parts.documentation import Documentation
from tools.provision.progress import Progress


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A set-up of a checkout that has the widget's lock only, with an empty cache."""
    root = tmp_path / "checkout"
    (root / "app" / "widget").mkdir(parents=True)
    (root / "tools").mkdir()
    original = paths.project_root()
    shutil.copy(original / "app" / "widget" / "package-lock.json", root / "app" / "widget")
    shutil.copytree(original / "tools" / "actionlint", root / "tools" / "actionlint")
    shutil.copytree(original / "tools" / "locks", root / "tools" / "locks")
    return Context(root, tmp_path / "cache", dev=True, progress=Progress(io.StringIO()))


def test_without_dev_nothing_of_it_is_wanted(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(context.cache))
    user, parts = replace(context, dev=False), (WidgetPackages(), Chromium(), Actionlint(), Documentation())
    assert all(part.ready(user) for part in parts)
    assert not any(part.ready(context) for part in parts)


def test_an_ordinary_user_without_a_browser_is_told_what_to_type(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PartError) as caught:
        Chromium().make(context)
    assert caught.value.reason == "the browser tests need Chromium or Chrome, and there is none on PATH"
    assert caught.value.command == "sudo apt-get install chromium   (then again: make setup-dev)"


def test_another_lock_makes_the_widgets_packages_stale(context: Context) -> None:
    folder = context.root / "app" / "widget"
    (folder / "node_modules").mkdir()
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / ".lock-digest"
    assert not WidgetPackages().ready(context)
    stamp.write_text(develop._lock_digest(context))
    assert WidgetPackages().ready(context)
    lock.write_text(lock.read_text() + "\n")
    assert not WidgetPackages().ready(context)


def test_the_widgets_lock_names_no_registry_and_pins_every_package() -> None:
    text = (paths.project_root() / "app" / "widget" / "package-lock.json").read_text()
    assert "http" not in "".join(line for line in text.splitlines() if '"url"' not in line and "funding" not in line)
    assert text.count('"integrity": "sha512-') > 50


def test_the_documentation_is_a_real_site() -> None:
    folder = toolchain.recorded().get("documentation")
    assert folder, "There are no documentation pages. Type: make setup-dev"
    pages = [path for path in Path(folder).rglob("*.html") if path.stat().st_size > 1000]
    assert len(pages) >= 100
    assert (Path(folder) / "doc" / "index.html") in pages


def test_another_package_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "npm.tgz"
    package.write_bytes(b"something else")
    with pytest.raises(PartError) as caught:
        documentation.unpack(package, tmp_path)
    assert caught.value.reason.startswith("the registry's npm@2.15.12 has the SHA-512 ")
    assert list(tmp_path.iterdir()) == [package]

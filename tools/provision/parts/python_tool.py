"""Programs of the Python package index, each in a virtual environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import toolchain
from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.packages import PACKAGES
from tools.provision.wheels import install, lock_file


@dataclass(frozen=True)
class PythonTool:
    """A program of Python's, by its lock with hashes."""

    name: str
    lock: str
    """Of `tools/locks`, without its ending; set-up records the Python that has the program under the same name."""
    module: str
    """What that Python runs (`-m`); it must know `--version`."""
    options: tuple[str, ...] = ()
    """More options of `pip install`."""
    development: bool = False
    """Whether only this project's own tests want it."""

    def ready(self, context: Context) -> bool:
        """Whether nobody wants it, or this lock's environment is there."""
        return (self.development and not context.dev) or self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Install the lock."""
        context.wait_for(PACKAGES)
        try:
            make_once(
                self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
            )
        except CommandFailed as error:
            again = "make setup-dev" if self.development else "make setup"
            raise PartError(
                f"pip could not install tools/locks/{self.lock}.txt:\n{error}",
                f"{again}   (again, when that is mended)",
            ) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The Python that has it."""
        python = self._folder(context) / "bin" / "python"
        return {self.lock: str(python)} if python.exists() else {}

    def _build(self, context: Context, folder: Path) -> None:
        install(context, self.lock, folder, *self.options)
        run([str(folder / "bin" / "python"), "-m", self.module, "--version"], timeout=60)

    def _folder(self, context: Context) -> Path:
        return context.cache / f"{self.lock}-{toolchain.app_environment(lock_file(context, self.lock)).name}"


BARMAN = PythonTool(
    # Backs PostgreSQL up. psycopg2-binary is in the place of psycopg2, which needs a compiler: pip mustn't look.
    name="Barman 3",
    lock="barman",
    module="barman.cli",
    options=("--no-deps",),
)
CHECKOV = PythonTool(
    # Judges the security posture of what the AWS program declares. It pins versions of boto3 that we don't want.
    name="Checkov",
    lock="checkov",
    module="checkov.main",
    development=True,
)

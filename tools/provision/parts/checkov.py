"""Checkov, which judges the security posture of what the AWS program declares; for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra import toolchain
from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.packages import PACKAGES
from tools.provision.wheels import install, lock_file


class Checkov:
    """Checkov in a virtual environment of its own, because it pins versions of boto3 and others that we don't want."""

    name = "Checkov"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants it, or this lock's environment is there."""
        return not context.dev or self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Install the lock, with hashes."""
        context.wait_for(PACKAGES)
        try:
            make_once(
                self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
            )
        except CommandFailed as error:
            raise PartError(
                f"pip could not install tools/locks/checkov.txt:\n{error}",
                "make setup-dev   (again, when that is mended)",
            ) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The Python that has it; its module is `checkov.main`."""
        python = self._folder(context) / "bin" / "python"
        return {"checkov": str(python)} if python.exists() else {}

    @staticmethod
    def _build(context: Context, folder: Path) -> None:
        install(context, "checkov", folder)
        run([str(folder / "bin" / "python"), "-m", "checkov.main", "--version"], timeout=60)

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"checkov-{toolchain.app_environment(lock_file(context, 'checkov')).name}"

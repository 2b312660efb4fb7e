"""What only those need who work on Pitchbar: the widget's tools, a browser, and a checker of workflows."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.building import exclusive, make_once
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, as_root, run
from tools.provision.parts import golang
from tools.provision.parts.node import Node, npm, program

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class WidgetPackages:
    """`app/widget/node_modules`, from the widget's lock file. No package's own script runs."""

    name = "Widget packages"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants them, or they are those of this lock."""
        return not context.dev or _read(_stamp(context)) == _lock_digest(context)

    def make(self, context: Context) -> None:
        """Have npm install them."""
        context.wait_for(Node.name)
        node = program(context)
        with exclusive(context.root / ".setup" / ".widget.lock", lambda: context.waiting(self.name)):
            if self.ready(context):
                return
            path = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
            command = [*npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            try:
                run(command, cwd=_widget(context), env=path)
            except CommandFailed as error:
                raise PartError(
                    f"npm could not install app/widget/package-lock.json:\n{error}",
                    "make setup-dev   (again, when that is mended)",
                ) from None
            _stamp(context).write_text(_lock_digest(context))

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing: they are always beside the widget's source."""
        return {}


class Chromium:
    """The browser that the tests drive: the system's own, which set-up installs when it is run by root on Debian."""

    name = "Chromium"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants it, or there is one."""
        return not context.dev or _browser() is not None

    def make(self, context: Context) -> None:
        """Install the distribution's package."""
        problem = PartError(
            "the browser tests need Chromium or Chrome, and there is none on PATH",
            as_root("apt-get install chromium") + "   (then again: make setup-dev)",
        )
        if os.geteuid() or not shutil.which("apt-get"):
            raise problem
        try:
            debian.install(context, self.name, "chromium")
        except CommandFailed as error:
            raise PartError(f"apt-get could not install it:\n{error}", problem.command) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program."""
        found = _browser()
        return {"chromium": found} if found else {}


class Actionlint:
    """actionlint, built from its Go module."""

    name = "actionlint"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants it, or this version is built."""
        return not context.dev or self._program(context).exists()

    def make(self, context: Context) -> None:
        """Build it; 5 s, once."""
        make_once(
            self._program(context).parent,
            lambda folder: self._build(context, folder),
            lambda: context.waiting(self.name),
        )

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program."""
        program = self._program(context)
        return {"actionlint": str(program)} if program.exists() else {}

    def _build(self, context: Context, folder: Path) -> None:
        command = ["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(folder / "actionlint")]
        env = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0", **golang.caches(context)}
        try:
            go = str(golang.find(context, self.name))
            run([go, *command, "github.com/rhysd/actionlint/cmd/actionlint"], cwd=_module(context), env=env)
        except (CommandFailed, PartError) as error:
            raise PartError(
                f"Go could not build it:\n{error}", "make setup-dev   (again, when that is mended)"
            ) from None

    @staticmethod
    def _program(context: Context) -> Path:
        digest = hashlib.sha256((_module(context) / "go.sum").read_bytes()).hexdigest()[:8]
        return context.cache / f"actionlint-{digest}" / "actionlint"


def _module(context: Context) -> Path:
    return context.root / "tools" / "actionlint"


def _browser() -> str | None:
    return next((found for found in map(shutil.which, _BROWSERS) if found), None)


def _widget(context: Context) -> Path:
    return context.root / "app" / "widget"


def _stamp(context: Context) -> Path:
    return _widget(context) / "node_modules" / ".lock-digest"


def _lock_digest(context: Context) -> str:
    return hashlib.sha256((_widget(context) / "package-lock.json").read_bytes()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

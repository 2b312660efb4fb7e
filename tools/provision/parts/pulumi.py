"""The Pulumi CLI and its Python language host.

In this order: the CLI on PATH, when it is new enough; the official installer; a build from its Go module. Only a CLI
that has no official language host is given ours. The engine warns in every command of a language host that is not
beside the CLI itself, so a CLI that was built here has a second name in the checkout, with our language host beside it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra import toolchain
from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts import golang, official
from tools.provision.parts.packages import PACKAGES

_OLDEST = (3, 200)
_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_HOST = "pulumi-language-python"
_OWN_HOST = "tools/language_host"


class Pulumi:
    """The Pulumi CLI."""

    name = "Pulumi CLI"

    def ready(self, context: Context) -> bool:
        """Whether the CLI that an earlier set-up chose is still the one to choose."""
        chosen = toolchain.recorded().get("pulumi")
        if not chosen or not os.access(chosen, os.X_OK):
            return False
        on_path = _on_path(context)
        if on_path and str(on_path) == chosen:
            return True
        if on_path and _new_enough(on_path):
            return False
        return Path(chosen) in (_official(context), _of_checkout(context))

    def make(self, context: Context) -> None:
        """Get one, in the order that this module's first lines give."""
        on_path = _on_path(context)
        if on_path and _new_enough(on_path):
            return
        if on_path:
            context.progress.say(self.name, f"{on_path} is older than {_OLDEST[0]}.{_OLDEST[1]}; getting another one")
        if _official(context).exists() or (not _built(context).exists() and self._install(context)):
            return
        make_once(
            _built(context).parent.parent,
            lambda folder: self._build(context, folder),
            lambda: context.waiting(self.name),
        )
        make_once(
            _of_checkout(context).parent.parent,
            lambda folder: _pair(context, folder),
            lambda: context.waiting(self.name),
        )

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The CLI, and the folder of our language host where it needs one."""
        on_path = _on_path(context)
        choices = [on_path if on_path and _new_enough(on_path) else None, _official(context), _of_checkout(context)]
        chosen = next((choice for choice in choices if choice and choice.exists()), None)
        if chosen is None:
            return {}
        host = None if _has_host(context, chosen) else str(context.root / _OWN_HOST)
        return {"pulumi": str(chosen), "language_host": str(chosen.parent) if chosen == _of_checkout(context) else host}

    def _install(self, context: Context) -> bool:
        """Try the official installer; it needs the internet, and pulumi's own Python package."""
        if not official.reachable():
            context.progress.say(
                self.name,
                "pulumi.com can't be reached from here, so building it from its Go module (2 to 5 minutes, once)",
            )
            return False
        context.wait_for(PACKAGES)
        context.progress.say(self.name, "running the official installer")
        try:
            make_once(
                _official(context).parent.parent,
                lambda folder: official.install(context.python, folder),
                lambda: context.waiting(self.name),
            )
        except CommandFailed as error:
            context.progress.say(
                self.name,
                f"the official installer failed ({str(error).splitlines()[-1]}), so building it from its Go module",
            )
            return False
        return True

    def _build(self, context: Context, folder: Path) -> None:
        go = golang.find(context)
        version = _module_version(context)
        program = folder / "bin" / "pulumi"
        flags = f"-s -w -X {_VERSION_VARIABLE}={version}"
        command = [str(go), "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", str(program), _COMMAND]
        env = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0", **golang.caches(context)}
        try:
            run(command, cwd=context.root / "tools" / "pulumi", env=env)
        except CommandFailed as error:
            raise PartError(f"Go could not build it:\n{error}", official.BY_HAND) from None
        said = run([str(program), "version"], env={"PULUMI_SKIP_UPDATE_CHECK": "true"}, timeout=30).strip()
        if version not in said:
            raise PartError(f"the CLI that Go built says it is '{said}', not {version}", official.BY_HAND)


def _on_path(context: Context) -> Path | None:
    """The CLI on PATH, if it is none of ours."""
    found = shutil.which("pulumi", path=_path_without_ours(context))
    return Path(found).absolute() if found else None


def _path_without_ours(context: Context) -> str:
    """PATH as it is without the folders that `pitchbar env` puts there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(
        f for f in folders if not (Path(f).is_relative_to(context.cache) or "/.setup/pulumi-built-" in f)
    )


def _new_enough(program: Path) -> bool:
    try:
        said = run([str(program), "version"], env={"PULUMI_SKIP_UPDATE_CHECK": "true"}, timeout=30)
    except (CommandFailed, OSError):
        return False
    found = re.search(r"v?(\d+)\.(\d+)\.\d+", said)
    return found is not None and (int(found[1]), int(found[2])) >= _OLDEST


def _has_host(context: Context, program: Path) -> bool:
    beside = program.resolve().parent / _HOST
    return os.access(beside, os.X_OK) or bool(shutil.which(_HOST, path=_path_without_ours(context)))


def _official(context: Context) -> Path:
    return context.cache / f"pulumi-official-{_sdk_version(context)}" / "bin" / "pulumi"


def _built(context: Context) -> Path:
    sources = b"".join((context.root / "tools" / "pulumi" / name).read_bytes() for name in ("go.mod", "go.sum"))
    digest = hashlib.sha256(sources).hexdigest()[:8]
    return context.cache / f"pulumi-built-{_module_version(context).lstrip('v')}-{digest}" / "bin" / "pulumi"


def _of_checkout(context: Context) -> Path:
    return context.root / ".setup" / _built(context).parent.parent.name / "bin" / "pulumi"


def _pair(context: Context, folder: Path) -> None:
    """Put the CLI that was built and our language host into one folder."""
    pulumi = folder / "bin" / "pulumi"
    pulumi.parent.mkdir()
    try:
        pulumi.hardlink_to(_built(context))
    except OSError:  # The cache is on another disk.
        shutil.copy2(_built(context), pulumi)
    (pulumi.parent / _HOST).symlink_to(f"../../../{_OWN_HOST}/{_HOST}")


def _module_version(context: Context) -> str:
    module = (context.root / "tools" / "pulumi" / "go.mod").read_text()
    found = re.search(r"^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", module, re.MULTILINE)
    if not found:
        raise PartError(
            "tools/pulumi/go.mod names no version of the Pulumi CLI", "git checkout tools/pulumi/go.mod && make setup"
        )
    return found[1]


def _sdk_version(context: Context) -> str:
    lock = (context.root / "requirements.txt").read_text()
    found = re.search(r"^pulumi==(\S+)", lock, re.MULTILINE)
    if not found:
        raise PartError("requirements.txt pins no version of pulumi", "make lock && make setup")
    return found[1]

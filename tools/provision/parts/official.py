"""The official installer of the Pulumi CLI, through pulumi's own Python package."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

from tools.provision.execute import CommandFailed, run

BY_HAND = "curl -fsSL https://get.pulumi.com | sh   (then start a new shell, and: make setup)"
_ADDRESS = "https://get.pulumi.com/install.sh"
_ANSWER_SECONDS = 5.0
_INSTALL_SECONDS = 300.0
_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"


def reachable() -> bool:
    """Whether the installer can be had from here; a name server that never answers costs a few seconds, not minutes."""
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(_asks()), daemon=True)
    asking.start()
    asking.join(_ANSWER_SECONDS)
    return bool(answers and answers[0])


def install(python: Path, folder: Path) -> None:
    """Install into `folder`. Raises `CommandFailed`."""
    run([str(python), "-c", _INSTALL, str(folder)], timeout=_INSTALL_SECONDS)
    if not (folder / "bin" / "pulumi-language-python").exists():
        raise CommandFailed("it brought no Python language host")


def _asks() -> bool:
    request = urllib.request.Request(_ADDRESS, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False

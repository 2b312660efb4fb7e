"""One-off commands of the plugin: with a deadline, and never outliving it."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.local.layout import service_user

_LOOK_SECONDS = 0.2


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    text: str | None = None,
    as_service: bool = False,
) -> str:
    """Run a command and return what it printed.

    It gets SIGKILL when this process ends, however that ends (``setpriv --pdeathsig``). ``what`` names it in an error, which ends
    with its last lines. ``as_service`` runs it as the data services' user.

    Raises :class:`UserError` when it fails or takes longer than ``timeout`` seconds.
    """
    prefix = ["setpriv", "--pdeathsig", "KILL", *(_as_service() if as_service else ()), "--"]
    process = subprocess.Popen(
        [*prefix, *map(str, command)],
        env=dict(environment) if environment is not None else None,
        cwd=directory,
        stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    output = _communicate(process, text, timeout)
    if output is None:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        cancellation.check()
        raise UserError(f"{what} did not end within {timeout:g} s and was stopped. Its last lines:\n{_tail(output)}")
    if process.returncode:
        raise UserError(f"{what} failed with exit code {process.returncode}. Its last lines:\n{_tail(output)}")
    return output


def _communicate(process: subprocess.Popen[str], text: str | None, timeout: float) -> str | None:
    """What the process printed; None when time is over or the engine wants to stop."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0 and not cancellation.cancelled():
        try:
            return process.communicate(text, timeout=min(left, _LOOK_SECONDS))[0]
        except subprocess.TimeoutExpired:
            text = None
    return None


def _as_service() -> Sequence[str]:
    user = service_user()
    return ("--reuid", user.pw_name, "--regid", str(user.pw_gid), "--clear-groups") if user else ()


def _tail(output: str) -> str:
    return "\n".join(f"    {line}" for line in output.splitlines()[-10:]) or "    (it printed nothing)"

"""One-off commands of the plugin: with a deadline, and never outliving it."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.redaction import redact

_LOOK_SECONDS = 0.2


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    text: str | None = None,
    secrets: Iterable[str] = (),
    user: pwd.struct_passwd | None = None,
    good: Collection[int] = (0,),
) -> str:
    """Run a command and return what it printed.

    It gets SIGKILL when this process ends, however that ends (``setpriv --pdeathsig``), and only ``environment`` of
    its environment. ``what`` names it in an error, which ends with its last lines, without ``secrets``. ``user`` is
    who runs it, by default the user of this process. ``good`` are the exit codes that are no failure.

    Raises :class:`UserError` when it fails or takes longer than ``timeout`` seconds.
    """
    prefix = ["setpriv", "--pdeathsig", "KILL", *_as(user), "--"]
    process = subprocess.Popen(
        [*prefix, *map(str, command)],
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **(environment or {})},
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
        raise UserError(
            f"{what} did not end within {timeout:g} s and was stopped. Its last lines:\n{_tail(output, secrets)}"
        )
    if process.returncode not in good:
        raise UserError(f"{what} failed with exit code {process.returncode}. Its last lines:\n{_tail(output, secrets)}")
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


def _as(user: pwd.struct_passwd | None) -> Sequence[str]:
    return ("--reuid", user.pw_name, "--regid", str(user.pw_gid), "--clear-groups") if user else ()


def _tail(output: str, secrets: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in redact(output, secrets).splitlines()[-10:]) or "    (it printed nothing)"

"""Runs a command of the app of the release that serves, as its worker is run: with its variables and as its user."""

from collections.abc import Collection
from pathlib import Path

from infra import paths
from infra.errors import UserError
from infra.ops import stacks
from infra.ops.typed import typed
from infra.provider.local.layout import ACCEPTED, Layout, user_for
from infra.provider.local.run import run
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.redaction import redact, secrets_of

_ENTRIES = ("pitchbar_app", "artisan")
"""What the app's own command follows on a command line, in each runtime profile."""


def app_command(stack: str, *arguments: str, what: str, timeout: float, good: Collection[int] = (0,)) -> str:
    """Run ``arguments`` of the app in a stack's environment on this machine; what it printed, without secrets.

    Secrets reach it as environment variables only. ``what`` names it in an error. Raises `UserError` where the
    environment is not up here, and where the command ends with another exit code than the ``good`` ones.
    """
    stacks.must_be_here(stack)
    worker = accepted_worker(stack)
    secrets = secrets_of(worker.environment)
    output = run(
        (*_entry(worker), *arguments),
        what=what,
        timeout=timeout,
        environment=worker.environment,
        secrets=secrets,
        directory=worker.directory,
        user=user_for(Path(worker.command[0])),
        good=good,
    )
    return redact(output, secrets)


def accepted_worker(stack: str) -> Program:
    """The program of the newest worker that was accepted. Raises `UserError` where the stack is not up here."""
    layout = Layout(paths.environment_dir(stack))
    accepted = sorted(layout.services.glob(f"worker-*/{ACCEPTED}"), key=lambda file: file.stat().st_mtime)
    program = Supervisor(layout).program(accepted[-1].parent.name) if accepted else None
    if program is None:
        raise UserError(f"Stack {stack} is not up on this machine. To bring it up, type: {typed(f'up -s {stack}')}")
    return program


def _entry(worker: Program) -> tuple[str, ...]:
    for number, word in enumerate(worker.command, 1):
        if Path(word).name in _ENTRIES:
            return worker.command[:number]
    raise UserError(
        f"The worker is run by {' '.join(worker.command)!r}, which does not tell how the app's other commands are run."
    )

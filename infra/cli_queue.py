"""The commands of the cron Worker, of rotation and of the vectors, for :mod:`infra.cli`."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from infra.ops.console import Console

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

_ROTATED = click.Choice(["app-key", "origin-token", "queue-token"])


def register(main: click.Group, stack: Any, confirmation: Any, json: Any) -> None:
    """Add the commands; the decorators are the options that all commands share."""

    def shared(command: F) -> F:
        decorated: F = stack(confirmation(json(command)))
        return decorated

    def asking(command: F) -> F:
        decorated: F = stack(json(command))
        return decorated

    @main.command(short_help="Deploy the cron Worker and send its first tick.")
    @click.option("--rotate", is_flag=True, help="Give it a new token; the previous one is accepted until `retire`.")
    @shared
    def deploy_cron_worker(stack: str, rotate: bool, yes: bool, no_wait: bool, json: bool) -> None:
        """Build the cron Worker's script, deploy it, send the first tick and show what came of it.

        It is an ordinary update of the stack, at the release that is pinned.
        """
        from infra.ops.cron import deploy

        sys.exit(deploy(stack, Console(json), rotated=rotate, yes=yes, wait=not no_wait))

    @main.command(short_help="Give a secret a new value.")
    @click.argument("secret", type=_ROTATED)
    @shared
    def rotate(secret: str, stack: str, yes: bool, no_wait: bool, json: bool) -> None:
        """Give a secret a new value, everywhere. The previous one is accepted until `pitchbar retire`.

        app-key is what settings in the database are encrypted under, queue-token what the cron Worker signs in with,
        origin-token what Cloudflare shows the load balancer (on aws).
        """
        from infra.ops.cron import rotate as give_new

        sys.exit(give_new(stack, secret, Console(json), yes=yes, wait=not no_wait))

    @main.command(short_help="Refuse a rotated secret's old value.")
    @click.argument("secret", type=_ROTATED)
    @shared
    def retire(secret: str, stack: str, yes: bool, no_wait: bool, json: bool) -> None:
        """Refuse the previous value of a secret that was rotated.

        What the database holds under the previous app-key is encrypted under the new one first; where something can't
        be, the previous one stays accepted.
        """
        from infra.ops.cron import retire as refuse_old

        sys.exit(refuse_old(stack, secret, Console(json), yes=yes, wait=not no_wait))

    @main.command(short_help="Compare the vectors with the chunks they are made of.")
    @click.option("--repair", is_flag=True, help="Index again what differs, and remove what belongs to nothing.")
    @asking
    def audit_vectors(stack: str, repair: bool, json: bool) -> None:
        """Tell whether each chunk of text has its vector, and whether there are others; exit code 1 where not so.

        With --repair the documents that it concerns are sent to be indexed again.
        """
        from infra.ops.vectors import audit

        sys.exit(audit(stack, Console(json), repair=repair))

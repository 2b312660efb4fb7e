"""The commands `pitchbar backup`, `backups` and `restore`: thin callers of `infra.ops`, like the others."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from infra.cli_look import on_aws
from infra.errors import UserError
from infra.ops.console import Console, document
from infra.ops.stacks import Stack

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_EITHER = "restore takes either --to TIME and --into NAME, or --drop NAME alone."


def register(main: click.Group, stack: Decorator, confirmation: Decorator, json: Decorator) -> None:
    """Add the commands to the group, with the options that all commands share."""
    backup = main.command("backup", short_help="Take a base backup of the database now, and verify it.")
    backup(stack(json(_backup)))
    backups = main.command("backups", short_help="List base backups, and the times that can be restored.")
    backups(stack(json(_backups)))
    restore = main.command("restore", short_help="Restore the database as it was, beside the running one.")
    restore(stack(_restore_options(confirmation(json(_restore)))))


def _backup(stack: str, json: bool) -> None:
    """Take a base backup of the database now, and verify it.

    One is taken every day without this command; the log in between is received all the time. On AWS: a snapshot of the
    RDS instance, which stays until it is deleted.
    """
    if elsewhere := on_aws(stack):
        _backup_on_aws(elsewhere, json)
        return
    from infra.ops.backups import back_up
    from infra.ops.show_backups import show_backup
    from infra.ops.stacks import known

    result = back_up(known(stack).name)
    if json:
        document({"stack": stack, **result})
    else:
        show_backup(stack, result, Console())


def _backups(stack: str, json: bool) -> None:
    """List base backups (on AWS: snapshots), and the times that the database can be restored to."""
    if elsewhere := on_aws(stack):
        _backups_on_aws(elsewhere, json)
        return
    from infra.ops.backups import catalogue, layout_of
    from infra.ops.show_backups import show_catalogue
    from infra.ops.stacks import known

    found = catalogue(layout_of(known(stack).name))
    if json:
        document({"stack": stack, **found.document()})
    else:
        show_catalogue(stack, found, Console())


def _restore(
    stack: str, to: str | None, into: str | None, drop: str | None, yes: bool, no_wait: bool, json: bool
) -> None:
    """Restore the database as it was at a moment, into a server of its own beside the running one.

    \b
    pitchbar restore --to 2026-03-01T09:30:00 --into before-import
    pitchbar restore --drop before-import

    The running database and the app are not touched. Without a zone the time is this machine's local time.

    On AWS it checks the moment, says which commands make the other instance, and exits with 1: nothing is restored yet.
    """
    from infra.ops import restore as restoring
    from infra.ops.show_backups import show_restore
    from infra.ops.stacks import known
    from infra.ops.typed import typed
    from infra.ops.up import must_be_able_to_ask

    console = Console(json)
    if elsewhere := on_aws(stack):
        _restore_on_aws(elsewhere, to, into, drop, console)
    if drop is not None and to is None and into is None:
        must_be_able_to_ask(yes, console, typed(f"restore --drop {drop} -s {stack} --yes"))
        if not yes:
            click.confirm(f"Remove the restored database {drop!r} and its data?", abort=True)
        restoring.drop(known(stack), drop, console, wait=not no_wait)
        console.say(f"The restored database {drop!r} of stack {stack} is removed.")
        if json:
            document({"stack": stack, "dropped": drop})
        return
    if drop is not None or to is None or into is None:
        raise UserError(_EITHER)
    report = restoring.restore(known(stack), to, into, console, wait=not no_wait)
    if json:
        document(report.document())
    else:
        show_restore(report, console)


def _backup_on_aws(stack: Stack, json: bool) -> None:
    from dataclasses import asdict

    from infra.ops.aws import database, show
    from infra.ops.aws.place import place_of

    console, place = Console(json), place_of(stack)
    taken = database.take_snapshot(place, console)
    if json:
        document({"stack": stack.name, **asdict(taken)})
    else:
        show.show_snapshot(place, taken, console)


def _backups_on_aws(stack: Stack, json: bool) -> None:
    from infra.ops.aws import database, show
    from infra.ops.aws.place import place_of

    place = place_of(stack)
    found = database.catalogue(place)
    if json:
        document({"stack": stack.name, **found.document()})
    else:
        show.show_catalogue(place, found, Console())


def _restore_on_aws(stack: Stack, to: str | None, into: str | None, drop: str | None, console: Console) -> NoReturn:
    from infra.ops.aws import database, show
    from infra.ops.aws.place import place_of

    place = place_of(stack)
    if drop is not None and to is None and into is None:
        show.show_removal(place, database.checked(drop), console)
        sys.exit(1)
    if drop is not None or to is None or into is None:
        raise UserError(_EITHER)
    command = database.restore_command(place, to, database.checked(into))
    if console.json:
        document({"stack": stack.name, "restored": False, "command": command})
    else:
        show.show_restore(place, command, into, console)
    sys.exit(1)


def _restore_options(command: Callable[..., Any]) -> Callable[..., Any]:
    to = click.option("--to", metavar="TIME", help="The moment, as ISO 8601, or `latest`.")
    into = click.option("--into", metavar="NAME", help="The name of the new database server.")
    drop = click.option("--drop", metavar="NAME", help="Remove a restored database server.")
    return to(into(drop(command)))

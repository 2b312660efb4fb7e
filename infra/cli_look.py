"""The commands `pitchbar status` and `pitchbar logs`: thin callers of `infra.ops`, for this machine and for AWS."""

import sys
from collections.abc import Callable
from typing import Any

import click

from infra.ops.console import Console, document, paint, record
from infra.ops.stacks import Stack, find, is_on_aws

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def register(main: click.Group, stack: Decorator, json: Decorator) -> None:
    """Add the commands to the group, with the options that all commands share."""
    status = main.command("status", short_help="Show processes and releases, and what is wrong.")
    status(stack(json(_status)))
    logs = main.command("logs", short_help="Show what processes wrote.")
    logs(stack(_logs_options(_logs)))


def on_aws(name: str) -> Stack | None:
    """The stack, where it is one on AWS."""
    stack = find(name)
    return stack if stack and is_on_aws(stack) else None


def _status(stack: str, json: bool) -> None:
    """Show the processes and releases of an environment, and what is wrong with it.

    On AWS: the services, what answers at the app's address, database, Redis, queues, alarms. Exits with 1 where
    something is wrong.
    """
    found: Any
    if elsewhere := on_aws(stack):
        from infra.ops.aws.place import place_of
        from infra.ops.aws.show import show_status as show_on_aws
        from infra.ops.aws.status import status as look_on_aws

        found, show = look_on_aws(place_of(elsewhere)), show_on_aws
    else:
        from infra.ops.show import show_status
        from infra.ops.status import status as look

        found, show = look(stack), show_status  # type: ignore[assignment]
    if json:
        document(found.document())
    else:
        show(found, Console())
    sys.exit(0 if found.healthy else 1)


def _logs(stack: str, process: str | None, follow: bool, lines: int, json: bool) -> None:
    """Show what processes wrote: all of them, a kind (`app`), or one (`app-1f0c3a52-0`).

    On AWS also `migration`, `database`, `queue-probe`, `postgres` and `sessions`; -n counts for each process, and looks
    back a week at most.
    """
    if elsewhere := on_aws(stack):
        _logs_on_aws(elsewhere, process, follow, lines, json)
        return
    from infra.ops import logs as reading

    chosen = reading.files(stack, process)
    width = 0 if json else max(map(len, chosen))
    positions: dict[str, int] = {}
    for name, path in chosen.items():
        last, positions[name] = reading.last_lines(path, lines)
        for line in last:
            _print(name.ljust(width), line, json)
    if follow:
        for name, line in reading.follow(lambda: reading.files(stack, process), positions):
            _print(name.ljust(width), line, json)


def _logs_on_aws(stack: Stack, process: str | None, follow: bool, lines: int, json: bool) -> None:
    import time

    from infra.ops.aws import logs as reading
    from infra.ops.aws.place import place_of

    place = place_of(stack)
    chosen, now = reading.sources(place, process), time.time()
    for line in reading.last(place, chosen, lines, now):
        _print(line.source, line.text, json)
    if follow:
        for line in reading.follow(place, chosen, now):
            _print(line.source, line.text, json)


def _print(name: str, line: str, json: bool) -> None:
    if json:
        record({"process": name.strip(), "line": line})
        return
    print(f"{paint(name, 'faint', sys.stdout)}  {line}", flush=True)


def _logs_options(command: Callable[..., Any]) -> Callable[..., Any]:
    process = click.argument("process", required=False)
    follow = click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
    lines = click.option(
        "-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="Lines of each log."
    )
    json = click.option("--json", is_flag=True, help="Print each line as a JSON document.")
    return process(follow(lines(json(command))))

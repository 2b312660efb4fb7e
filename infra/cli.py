"""The `pitchbar` command: thin callers of `infra.ops`, whose heavy modules are imported only when needed."""

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from infra import cli_backups, cli_cloud, cli_look
from infra.cli_queue import register as register_queue_commands
from infra.errors import UserError, of_system
from infra.ops.console import Console, document, error
from infra.paths import settle_umask

if TYPE_CHECKING:
    from infra.ops.up import Request

F = TypeVar("F", bound=Callable[..., Any])

_ENVIRONMENTS = click.Choice(["local", "preview", "staging", "production"])
_TARGETS = click.Choice(["local", "docker", "aws"])


class _Commands(click.Group):
    """Shows errors that are meant for people as such, lists commands in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["json"] = "--json" in args  # Until the command itself has read its options.
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as failure:
            _fail(ctx, str(failure))
        except click.UsageError as failure:
            _document(ctx, "failed", failure.format_message())
            raise
        except KeyboardInterrupt:
            print(file=sys.stderr)
            _fail(ctx, "Interrupted.", "interrupted", 130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except OSError as failure:
            told = of_system(failure)
            if told is None:
                raise
            _fail(ctx, str(told))


def _document(ctx: click.Context, result: str, text: str) -> None:
    if ctx.meta.get("json"):
        document({"result": result, "error": text})


def _fail(ctx: click.Context, text: str, result: str = "failed", code: int = 1) -> NoReturn:
    _document(ctx, result, text)
    error(text)
    ctx.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pitchbar-platform", prog_name="pitchbar")
def main() -> None:
    """Bring Pitchbar up, look after it, take it down.

    Without -s, commands work on stack `local`, or on $PULUMI_STACK where that is set.
    """
    settle_umask()


def _stack(command: F) -> F:
    return click.option(
        "-s", "--stack", envvar="PULUMI_STACK", default="local", show_default=True, help="The stack to work on."
    )(command)


def _json(command: F) -> F:
    @functools.wraps(command)
    def remembering(*args: Any, json: bool, **kwargs: Any) -> Any:
        click.get_current_context().meta["json"] = json
        return command(*args, json=json, **kwargs)

    option = click.option("--json", is_flag=True, help="Print one JSON document on stdout, and progress on stderr.")
    return option(remembering)  # type: ignore[return-value]


def _confirmation(command: F) -> F:
    yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    no_wait = click.option("--no-wait", is_flag=True, help="Fail instead of waiting for another command on the stack.")
    return yes(no_wait(command))


def _given(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The option's value, which may be left out, but not be empty: a shell variable without a value names nothing."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty. Give it the id of a release, or leave the option out.")
    return value


@main.command(short_help="Bring an environment up, or up to date, and verify it.")
@_stack
@click.option("--environment", type=_ENVIRONMENTS, help="What to bring up; for a new stack (default: local).")
@click.option("--target", type=_TARGETS, help="Where to bring it up; for a new stack (default: local).")
@click.option(
    "--release", metavar="ID", callback=_given, help="Release to deploy, from the release store; it stays pinned."
)
@_confirmation
@_json
def up(
    stack: str, environment: str | None, target: str | None, release: str | None, yes: bool, no_wait: bool, json: bool
) -> None:
    """Bring an environment up, or up to date, and verify it from outside.

    The release is pinned in the stack's configuration: --release, or else what the working tree holds now.
    """
    from infra.ops.making import Wish
    from infra.ops.up import Request

    _bring_up(Request(Wish(stack, environment, target), release, yes, not no_wait), json)


def _bring_up(request: "Request", json: bool) -> None:
    from infra.ops.show import show_up
    from infra.ops.up import up as bring_up

    console = Console(json)
    report = bring_up(request, console)
    if json:
        document(report.document())
    show_up(report, console)
    sys.exit(report.code)


@main.command(short_help="List what was deployed, and what can be rolled back to.")
@_stack
@_json
def releases(stack: str, json: bool) -> None:
    """List what was deployed with what result, which release runs, and which can be rolled back to.

    The list is Pulumi's own history of the stack, with what the release store knows of each release.
    """
    from infra.ops.releases import releases as list_releases
    from infra.ops.show import show_releases
    from infra.ops.stacks import known

    found = list_releases(known(stack))
    if json:
        document({"stack": stack, "releases": [entry.document() for entry in found]})
    else:
        show_releases(stack, found, Console(json))


@main.command(short_help="Go back to a release that was deployed before.")
@_stack
@click.option(
    "--to", metavar="ID", callback=_given, help="Release to go back to (default: the one before the running one)."
)
@_confirmation
@_json
def rollback(stack: str, to: str | None, yes: bool, no_wait: bool, json: bool) -> None:
    """Go back to a release that was deployed before: code, dependencies and runtime configuration together.

    It is checked first, then pinned and rolled out like any release. Sizes, data and secrets stay as they are.
    """
    from infra.ops.making import Wish
    from infra.ops.rollback import target_of
    from infra.ops.stacks import known
    from infra.ops.up import Request

    again = f"rollback -s {stack}" + (f" --to {to}" if to else "")
    _bring_up(Request(Wish(stack), target_of(known(stack), to), yes, not no_wait, again), json)


register_queue_commands(main, _stack, _confirmation, _json)


@main.command(short_help="Take an environment down and leave nothing of it.")
@_stack
@_confirmation
@_json
def down(stack: str, yes: bool, no_wait: bool, json: bool) -> None:
    """Take an environment down and leave nothing of it: neither data nor stack."""
    from infra.ops.down import down as take_down

    console = Console(json)
    report = take_down(stack, console, yes=yes, wait=not no_wait)
    if json:
        document(report.document())
    if report.error:
        error(report.error)
    elif report.result == "absent":
        console.say(f"There is no stack {stack}, so there is nothing to take down.")
    else:
        console.say(f"Stack {stack} is down and removed ({report.seconds:.1f} s).")
        if cli_look.on_aws(stack):
            console.say("What stays of it on AWS, on purpose or for some days, is in docs/aws.md.")
    sys.exit(report.code)


@main.command(short_help="Make an environment that reloads what is edited.")
@click.option("-s", "--stack", default="dev", show_default=True, help="The stack to work on.")
def dev(stack: str) -> None:
    """Make an environment whose processes follow the working tree, and show what they write, until Ctrl-C.

    Ctrl-C stops everything; the data stays for the next time. `pitchbar down -s dev` removes it.
    """
    from infra.ops.dev import dev as develop

    sys.exit(develop(stack, Console()))


@main.command(short_help="Prove from outside that the environment works.")
@_stack
@_json
def verify(stack: str, json: bool) -> None:
    """Prove from outside that the environment works: pages, WebSocket, a job through every part."""
    from infra.ops import outputs
    from infra.ops.show import show_verdict
    from infra.ops.stacks import known
    from infra.ops.verify import verify as check

    verdict = check(outputs.read(known(stack), secrets=True))
    if json:
        document(verdict.document())
    show_verdict(verdict, Console(json))
    sys.exit(0 if verdict.ok else 1)


@main.command(short_help="Tell what this machine has and lacks.")
@_json
def doctor(json: bool) -> None:
    """Tell what this machine has and lacks, and what to do about it."""
    from infra.ops.doctor import doctor as examine

    sys.exit(examine(json))


@main.command(short_help="Print what lets bare `pulumi` work on the stack.")
@_stack
@_json
def env(stack: str, json: bool) -> None:
    """Print shell commands with which bare `pulumi` works on the stack.

    \b
    eval "$(.venv/bin/pitchbar env -s local)"
    pulumi preview
    """
    from infra.ops.environment import shell_lines, variables
    from infra.ops.stacks import known

    found = known(stack)
    if json:
        document(variables(found))
    else:
        print("\n".join(shell_lines(found)))


cli_look.register(main, _stack, _json)
cli_backups.register(main, _stack, _confirmation, _json)
cli_cloud.register(main, _json)

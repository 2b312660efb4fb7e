"""`pitchbar deploy-cron-worker`, `rotate` and `retire`: updates of the stack at the release that it is pinned to."""

from collections.abc import Callable
from typing import Any

from infra import paths
from infra.errors import UserError
from infra.ops import rotation, stacks
from infra.ops.console import Console, document, error
from infra.ops.making import Wish
from infra.ops.show import show_tick, show_up
from infra.ops.stacks import Stack, known
from infra.ops.ticks import TickStatus, tick_now, tick_outside
from infra.ops.typed import typed
from infra.ops.up import Report, Request, must_be_able_to_ask, up
from infra.provider.local.layout import Layout

TOKEN = "queue-token"


def deploy(name: str, console: Console, *, rotated: bool, yes: bool, wait: bool) -> int:
    """Bring the cron Worker to what the stack says, send the first tick, show it; the exit code."""
    stack = known(name)
    must_be_able_to_ask(yes, console, typed(f"deploy-cron-worker -s {name}{' --rotate' if rotated else ''} --yes"))
    change = (lambda: rotation.rotate(stack, TOKEN)) if rotated else None
    report = _update(stack, console, change, yes=yes, wait=wait)
    tick = _tick(stack, report) if report.code == 0 else None
    _show(report, tick, console)
    if report.code == 0 and rotated:
        console.say(f"The previous token is still accepted. To end that, type: {typed(f'retire {TOKEN} -s {name}')}")
    return report.code or (0 if tick is None or tick.ok else 1)


def _tick(stack: Stack, report: Report) -> TickStatus | None:
    """Have a tick sent: by the Worker where its clock is here, else by us, as the Worker will send the next."""
    if stack.local:
        return tick_now(stack.name, Layout(paths.environment_dir(stack.name)))
    return tick_outside(report.outputs) if report.outputs else None


def rotate(name: str, secret: str, console: Console, *, yes: bool, wait: bool) -> int:
    """Give the secret a new value; the exit code."""
    stack = known(name)
    must_be_able_to_ask(yes, console, typed(f"rotate {secret} -s {name} --yes"))
    report = _update(stack, console, lambda: rotation.rotate(stack, secret), yes=yes, wait=wait)
    _show(report, None, console)
    if report.code == 0:
        console.say(
            f"The previous {secret} is still accepted. To end that, type: {typed(f'retire {secret} -s {name}')}"
        )
    return report.code


def retire(name: str, secret: str, console: Console, *, yes: bool, wait: bool) -> int:
    """Refuse the secret's previous value, which stays accepted where the update fails; the exit code."""
    stack = known(name)
    must_be_able_to_ask(yes, console, typed(f"retire {secret} -s {name} --yes"))
    undo = ("declined", "failed", "interrupted")
    report = _update(stack, console, lambda: rotation.retire(stack, secret), yes=yes, wait=wait, undo=undo)
    _show(report, None, console)
    if report.code == 0:
        console.say(f"The previous {secret} is refused from now on.")
    elif report.result in undo:
        error(f"The previous {secret} is not retired. To do that, type: {typed(f'retire {secret} -s {name}')}")
    return report.code


def _update(
    stack: Stack,
    console: Console,
    change: Callable[[], Any] | None,
    *,
    yes: bool,
    wait: bool,
    undo: tuple[str, ...] = ("declined",),
) -> Report:
    """An update at the pinned release, after a change of the configuration, which is taken back where the update ends
    as ``undo`` says."""
    before = stacks.read_yaml(stack.config_file)
    release = stacks.settings(stack).get("release", "") or None
    if change:
        change()
    try:
        report = up(Request(Wish(stack.name), release, yes, wait), console)
    except UserError:
        rotation.put_back(stack, before)
        raise
    if report.result in undo and change:
        rotation.put_back(stack, before)
    return report


def _show(report: Report, tick: TickStatus | None, console: Console) -> None:
    if console.json:
        document({**report.document(), "tick": tick.document() if tick else None})
    show_up(report, console)
    if tick:
        show_tick(tick, console)

"""Reports as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.ops.console import Console, error, pairs, table
from infra.ops.typed import in_shell, typed

if TYPE_CHECKING:
    from infra.ops.queues import PoolStatus, QueueStatus
    from infra.ops.releases import ReleaseEntry
    from infra.ops.status import ProcessStatus, Status
    from infra.ops.ticks import TickStatus
    from infra.ops.up import Report
    from infra.ops.verify import Verdict

_GOOD_STATES = ("running", "starting")


def show_up(report: Report, console: Console) -> None:
    """The end of `pitchbar up`: the checks, then where everything is, or what failed."""
    if report.verdict:
        show_verdict(report.verdict, console)
    if report.error:
        error(report.error)
        return
    found = report.outputs.public if report.outputs else {}
    console.say()
    console.say(console.paint(f"Stack {report.stack.name} is up: release {found.get('release')}.", "bold"))
    addresses = {
        "app": found.get("app_url"),
        "widget": found.get("widget_url"),
        "realtime": found.get("realtime_url"),
    }
    for line in pairs({name: str(value) for name, value in addresses.items() if value}):
        console.say(line)
    console.say("The administrator's password, and a shell in which bare `pulumi` works on it:")
    console.say(f"  {in_shell(report.stack.name, 'pulumi stack output admin_password --show-secrets')}")
    console.say(f"Took {report.seconds:.1f} s.")


def show_verdict(verdict: Verdict, console: Console) -> None:
    """One line for each check."""
    rows = [
        [
            console.paint("ok    ", "green") if item.ok else console.paint("FAILED", "red"),
            item.name,
            _took(item.seconds),
        ]
        for item in verdict.results
    ]
    for line, item in zip(table(rows), verdict.results, strict=True):
        console.say(f"{line}  {item.detail}")
    failed = sum(not item.ok for item in verdict.results)
    if failed:
        error(f"{failed} of {len(verdict.results)} checks failed for release {verdict.release}.")
    else:
        console.say(f"Release {verdict.release} works: all {len(verdict.results)} checks passed.")


def show_releases(stack: str, found: Sequence[ReleaseEntry], console: Console) -> None:
    """One line for each release, the most recently deployed first."""
    if not found:
        console.say(f"Nothing was deployed to stack {stack} yet. To do so, type: {typed(f'up -s {stack}')}")
    rows = [
        [
            entry.id,
            entry.deployed_at.replace("T", " ")[:19],
            entry.by,
            entry.commit[:12],
            entry.result,
            _can(entry, console),
        ]
        for entry in found
    ]
    for line in table(rows, ""):
        console.say(line)


def _can(entry: ReleaseEntry, console: Console) -> str:
    if entry.running:
        return console.paint("running", "green")
    return f"can't be rolled back to: {entry.obstacle}" if entry.obstacle else "can be rolled back to"


def show_status(found: Status, console: Console) -> None:
    """The processes, then the releases."""
    if not found.exists:
        console.say(
            f"Stack {found.stack} is not up on this machine. To bring it up, type: {typed(f'up -s {found.stack}')}"
        )
        return
    if not found.supervisor:
        console.say(
            console.paint("Its supervisor does not run.", "red") + f" To heal it: {typed(f'up -s {found.stack}')}"
        )
    for line in table([_process_row(item, console) for item in found.processes], ""):
        console.say(line)
    if any(item.program == "worker" for item in found.processes):
        console.say()
        show_queues(found.stack, found.queues, console)
    if found.tick:
        console.say()
        show_tick(found.tick, console)
    if found.releases:
        console.say()
        console.say("Releases kept, the newest first:")
    for release in found.releases:
        mark = console.paint("running", "green") if release.running else ""
        console.say(f"  {release.id}  {release.created_at}  {release.created_by}  {mark}".rstrip())
    if found.backups:
        from infra.ops.show_backups import status_line

        console.say()
        console.say(status_line(found.backups, console))


def show_queues(stack: str, found: Sequence[QueueStatus] | None, console: Console) -> None:
    """One line for each queue of the stack."""
    if found is None:
        log = typed(f"logs redis -s {stack}")
        console.say(console.paint("The queues can't be read.", "red") + f" To see what Redis says, type: {log}")
        return
    head = ["Queue", "waiting", "delayed", "reserved", "failed"]
    rows = [[each.name, *map(str, (each.waiting, each.delayed, each.reserved, each.failed))] for each in found]
    for line in table([head, *rows], ""):
        console.say(line)


def show_tick(tick: TickStatus, console: Console) -> None:
    """The last tick of the cron Worker, and whether one is missed."""
    when = f"{_age(tick.ago) or '0 s'} ago" if tick.at else "none yet"
    said = f"pass {tick.pass_id}" + (" (still running)" if tick.running else "") if tick.ok else tick.error
    line = f"Last queue tick: {when}, {tick.status or 'no answer'}, {said}" if tick.at else f"Last queue tick: {when}"
    console.say(line if tick.ok or not tick.at else console.paint(line, "red"))
    if tick.missed:
        console.say(console.paint(f"A tick is missed: one is due every {tick.interval} s.", "red"))


def _process_row(item: ProcessStatus, console: Console) -> list[str]:
    state = console.paint(item.state.ljust(10), "green" if item.state in _GOOD_STATES else "red")
    release = f"release {item.release}" if item.release else ""
    if item.release and not item.serving:
        release += " (not serving)"
    if item.pool:
        release += f", {_workers(item.pool)}"
    return [item.name, state, f"pid {item.pid}" if item.pid else item.detail, _age(item.uptime), release]


def _workers(pool: PoolStatus) -> str:
    noun = "worker" if pool.size == 1 else "workers"
    return f"{pool.size} {noun}" + (f" (from {pool.min} to {pool.max})" if pool.max > pool.min else "")


def _age(seconds: float) -> str:
    if not seconds:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms".rjust(8)

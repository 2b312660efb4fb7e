"""What people see of a stack on AWS."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from infra.ops.aws.database import Catalogue, DatabaseStatus, Snapshot
from infra.ops.aws.place import Place
from infra.ops.aws.status import ROLLING, STEADY, QueueStatus, ServiceStatus, Status
from infra.ops.console import Console, table
from infra.ops.typed import typed


def show_status(found: Status, console: Console) -> None:
    """The services, then the data, then what is wrong."""
    console.say(f"Stack {found.stack} on AWS, account {found.account}, {found.region}.")
    for line in table([_service_row(item, console) for item in found.services]):
        console.say(line)
    if found.app_url:
        says = f"answers with release {found.answers}" if found.answers else console.paint(found.silence, "red")
        console.say(f"{found.app_url} {says}" if found.answers else says)
    if found.database:
        console.say(_database_line(found.database, console))
    if found.redis:
        good = found.redis == "available"
        console.say(f"Redis is {found.redis}." if good else console.paint(f"Redis is {found.redis}.", "red"))
    if found.queue:
        _show_queue(found.queue, console)
    for name, description in found.alarms:
        console.say(console.paint(f"ALARM {name}: {description}".rstrip(": "), "red"))
    for reason in found.unknown:
        console.say(console.paint(f"Not known: {reason}", "yellow"))
    bad = next((item for item in found.services if item.state not in (STEADY, ROLLING)), None)
    if bad:
        console.say(f"To see why, type: {typed(f'logs {bad.name} -s {found.stack}')}")


def show_snapshot(place: Place, taken: Snapshot, console: Console) -> None:
    """The end of `pitchbar backup`."""
    console.say(f"Snapshot {taken.name} of stack {place.stack} is taken ({taken.size} GB).")
    console.say("It stays, and costs, until somebody deletes it:")
    console.say(f"  aws rds delete-db-snapshot --region {place.region} --db-snapshot-identifier {taken.name}")
    console.say(f"All there are: {typed(f'backups -s {place.stack}')}")


def show_catalogue(place: Place, found: Catalogue, console: Console) -> None:
    """The window, then the snapshots, the newest first."""
    first, last = found.restorable
    if first:
        console.say(f"Can be restored: any second from {first} to {last}.")
        console.say(f"The command for it: {typed(f'restore --to TIME --into NAME -s {place.stack}')}")
    else:
        console.say(console.paint("RDS keeps no log to go back in.", "red"))
    rows = [[item.name, item.kind, item.state, item.at, f"{item.size} GB"] for item in found.snapshots]
    for line in table(rows, ""):
        console.say(line)


def show_restore(place: Place, command: Sequence[str], into: str, console: Console) -> None:
    """The commands that restore, which an operator runs."""
    name = f"{place.prefix}{into}"
    console.say("Nothing is restored yet. On AWS a restore is another instance, which costs like the first, so it is")
    console.say("made with an administrator's credentials, who types:")
    console.say(f"  {shlex.join(command)}")
    console.say(f"  aws rds wait db-instance-available --region {place.region} --db-instance-identifier {name}")
    console.say("The running database is not touched. How to look into the other, and to copy rows back, is in")
    console.say("docs/backups.md.")
    show_removal(place, into, console, protected="--deletion-protection" in command)


def show_removal(place: Place, into: str, console: Console, *, protected: bool = True) -> None:
    """The commands that remove a restored instance."""
    about = f"--region {place.region} --db-instance-identifier {place.prefix}{into}"
    console.say("To remove it, type:")
    if protected:
        console.say(f"  aws rds modify-db-instance {about} --no-deletion-protection --apply-immediately")
    console.say(f"  aws rds delete-db-instance {about} --skip-final-snapshot")


def _service_row(item: ServiceStatus, console: Console) -> list[str]:
    state = console.paint(item.state.ljust(14), "green" if item.state in (STEADY, ROLLING) else "red")
    release = f"release {item.release}" if item.release else ""
    return [item.name, state, f"{item.running} of {item.desired}", item.task_definition, release, item.detail]


def _database_line(found: DatabaseStatus, console: Console) -> str:
    state = found.state if found.state == "available" else console.paint(found.state, "red")
    log = f", can go back to {found.restorable[1]}" if found.restorable[1] else ""
    kept = f", last daily backup {found.recovery_point}" if found.recovery_point else ", no daily backup yet"
    return f"Postgres is {state}{log}{kept}."


def _show_queue(found: QueueStatus, console: Console) -> None:
    oldest = f", the oldest has waited {found.oldest:.0f} s" if found.oldest else ""
    age = (datetime.now(UTC) - datetime.fromisoformat(found.at)).total_seconds()
    console.say(f"Queues: {found.backlog} jobs{oldest} (counted {max(0.0, age):.0f} s ago).")
    if found.tick_age is None:
        console.say("No queue tick yet.")
    elif found.missed:
        console.say(console.paint(f"A queue tick is missed: the last one began {found.tick_age:.0f} s ago.", "red"))
    else:
        console.say(f"The last queue tick began {found.tick_age:.0f} s ago.")

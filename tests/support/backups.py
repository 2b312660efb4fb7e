"""What live tests of backups do to a stack, through commands and over its databases' unix sockets."""

import contextlib
import json
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.toolchain import SERVICE_USER, locate
from tests.support.processes import PATIENCE
from tests.support.stack import PITCHBAR, Stack, World


def catalogue(stack: Stack) -> dict[str, Any]:
    """``pitchbar backups --json``."""
    done = stack.pitchbar("backups", "--json").must_succeed()
    found: dict[str, Any] = json.loads(done.output)
    return found


def usable(stack: Stack) -> bool:
    return any(backup["usable"] for backup in catalogue(stack)["backups"])


def age(stack: Stack, id: str, days: int) -> None:
    """Have a base backup been taken so many days earlier."""
    info = stack.directory / "backup" / "data" / "pitchbar" / "meta" / f"{id}-backup.info"

    def earlier(match: re.Match[str]) -> str:
        return f"{match[1]}={datetime.fromisoformat(match[2]) - timedelta(days=days)}"

    text, count = re.subn(r"^((?:begin|end)_time)=(.+)$", earlier, info.read_text(), flags=re.MULTILINE)
    assert count == 2, text
    info.write_text(text)


def restore(stack: Stack, moment: str, name: str) -> dict[str, Any]:
    """``pitchbar restore --json``."""
    done = stack.pitchbar("restore", "--to", moment, "--into", name, "--json").must_succeed()
    report: dict[str, Any] = json.loads(done.output[done.output.index("{") :])
    return report


def rows(stack: Stack, restored: str | None = None) -> list[str]:
    return sorted(sql(stack, "SELECT what FROM rows", restored).splitlines())


def sql(stack: Stack, statement: str, restored: str | None = None, database: str = "pitchbar") -> str:
    """Run a statement in the running database, or in a restored one."""
    folder = stack.directory / "restores" / restored if restored else stack.directory / "postgres"
    [socket] = [path for path in folder.glob(".s.PGSQL.*") if path.suffix != ".lock"]
    client = [str(locate().postgres / "bin" / "psql"), "-h", str(folder), "-p", socket.name.rpartition(".")[2]]
    command = [*client, "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statement]
    user = pwd.getpwnam(SERVICE_USER) if os.geteuid() == 0 else None
    done = subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=[] if user else None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def administer(stack: Stack, statement: str) -> str:
    return sql(stack, statement, database="postgres")


def shell(line: str) -> str:
    """Run what people paste into a shell."""
    done = subprocess.run(["bash", "-c", line], cwd="/", capture_output=True, text=True, check=True)
    return done.stdout.strip()


def supervisorctl(stack: Stack, *arguments: str) -> None:
    program = [str(PITCHBAR.with_name("supervisorctl")), "-s", f"unix://{stack.directory / 'supervisor.sock'}"]
    subprocess.run([*program, *arguments], check=True, stdout=subprocess.DEVNULL)


def pause() -> datetime:
    """A moment with some time before and after it."""
    time.sleep(0.05)
    moment = datetime.now(UTC)
    time.sleep(0.05)
    return moment


def local(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="milliseconds")


def eventually(holds: Callable[[], bool], what: str, seconds: float = 2 * PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def kill(world: World, what: str, send: signal.Signals | None = signal.SIGKILL) -> list[int]:
    """This world's processes whose command line holds ``what``, killed unless ``send`` is None."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if what in command and str(world.data) in command and int(folder.name) != os.getpid():
                if send:
                    os.kill(int(folder.name), send)
                found.append(int(folder.name))
    return found

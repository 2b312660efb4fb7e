"""`pitchbar dev`: an environment whose processes follow the working tree, until Ctrl-C.

It is an environment like any other, brought up by the same steps; only its release is one whose files may change. What
is edited is copied into it and the processes that use it are restarted. What needs more than that, a migration or
another dependency, makes another release, which is brought up beside the running one.
"""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from infra import paths
from infra.building import exclusive
from infra.errors import UserError
from infra.load import environment, load
from infra.ops import logs, reload, stacks
from infra.ops.console import Console, error, paint
from infra.ops.making import Wish
from infra.ops.show import show_up
from infra.ops.typed import typed
from infra.ops.up import Request, up
from infra.provider.local.layout import Layout
from infra.provider.local.supervisor import stop
from infra.release import content
from infra.release.choice import live

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
_WIDTH = 18


def dev(name: str, console: Console) -> int:
    """Bring stack ``name`` up and keep it like the working tree; return the exit code once somebody ends it."""

    def busy() -> None:
        raise UserError(f"`{typed(f'dev -s {name}')}` runs already, in another terminal.")

    _must_be_possible(name)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    session = _Session(name, console)
    lock = stacks.make_home() / f"{name}.dev.lock"
    with exclusive(lock, busy), contextlib.suppress(KeyboardInterrupt):
        try:
            session.run()
        finally:
            session.end()
            lock.unlink(missing_ok=True)
    return 0


class _Session:
    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._source = paths.app_dir()
        self._layout = Layout(paths.environment_dir(name))
        self._release = ""
        self._up = False
        self._bundler: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Follow the working tree; ends only by an interrupt."""
        from watchfiles import watch

        self._bring_up()
        self._bundler = self._start_bundler()
        threading.Thread(target=self._show_logs, daemon=True).start()
        self._console.say(f"Watching {self._source}. Ctrl-C stops everything and keeps the data.")
        for _ in watch(self._source / content.PACKAGE, self._source / content.LOCK):
            self._look()

    def end(self) -> None:
        """Stop everything. Impatient people press Ctrl-C twice."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self._bundler:
            self._bundler.kill()
            self._bundler.wait()
        if self._layout.directory.is_dir():
            self._console.say(f"\nStopping stack {self._name} …")
            stop(self._layout)
            self._console.say(f"Stopped. To remove it with its data, type: {typed(f'down -s {self._name}')}")

    def _look(self) -> None:
        """Follow what was edited; what can't be followed is told, and the next edit is another chance."""
        try:
            self._follow()
        except FileNotFoundError:
            return  # It vanished while it was looked at, which is an edit of its own.
        except UserError as refused:
            error(f"{refused}\nThe environment stays as it is until the next edit in {self._source}.")

    def _bring_up(self) -> None:
        self._up = False
        self._release = self._wanted()
        copy = self._layout.releases / self._release
        if copy.is_dir():
            reload.synchronise(self._source, copy)
        report = up(Request(Wish(self._name), self._release, yes=True), self._console)
        if report.result == "interrupted":
            raise KeyboardInterrupt
        show_up(report, self._console)
        self._up = report.code == 0

    def _follow(self) -> None:
        if not self._up or self._wanted() != self._release:
            self._console.say("This takes more than a restart: bringing the environment up to date.")
            self._bring_up()
            return
        started = time.monotonic()
        changed = reload.synchronise(self._source, self._layout.releases / self._release)
        if not changed:
            return
        done = reload.restart(self._layout, self._release, reload.users_of(changed))
        for problem in (each.problem for each in done if each.problem):
            error(f"{problem}. It starts again with the next edit.")
        ready = ", ".join(each.process for each in done if not each.problem)
        if ready:
            names = ", ".join(sorted(name.name for name in changed)[:3]) + (" …" if len(changed) > 3 else "")
            said = f"{names} edited: restarted {ready} in {time.monotonic() - started:.1f} s."
            self._console.say(self._console.paint(said, "bold"))

    def _wanted(self) -> str:
        stack = stacks.find(self._name)
        shape = stacks.settings(stack).get("environment", "local") if stack else "local"
        return live(self._source, environment(load(), shape)).release

    def _start_bundler(self) -> subprocess.Popen[bytes] | None:
        if self._source != paths.project_root() / "app":
            return None
        if not (self._source / "widget" / "node_modules").is_dir():
            self._console.say("The widget is not bundled anew: its tools are missing. To get them: make setup-dev")
            return None
        command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "tools.widget", "watch"]
        return subprocess.Popen(
            command,
            cwd=paths.project_root(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _show_logs(self) -> None:
        positions = {name: path.stat().st_size for name, path in self._logs().items()}
        colours: dict[str, str] = {}
        for name, line in logs.follow(self._logs, positions):
            colour = colours.setdefault(logs.program_of(name), _COLOURS[len(colours) % len(_COLOURS)])
            print(f"{paint(name.ljust(_WIDTH), colour, sys.stdout)}  {line}", flush=True)

    def _logs(self) -> dict[str, Path]:
        try:
            return logs.files(self._name)
        except UserError:
            return {}


def _must_be_possible(name: str) -> None:
    from importlib.util import find_spec

    stack = stacks.find(name)
    if stack and not stack.local:
        raise UserError(
            f"Stack {name} is described in {stack.config_file.name}, and a working tree is no release for it. "
            f"Take another name: {typed(f'dev -s dev-{name}')}"
        )
    if find_spec("watchfiles") is None:
        raise UserError("`pitchbar dev` needs the packages of those who work on Pitchbar. Type: make setup-dev")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

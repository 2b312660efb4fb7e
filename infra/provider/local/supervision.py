"""Processes under Supervisor: one supervisord per environment, spoken to by XML-RPC over its unix socket."""

import configparser
import contextlib
import http.client
import pwd
import re
import shlex
import socket
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.local.layout import Layout, write_private
from infra.provider.redaction import redact, secrets_of

STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL = 0, 10, 20, 30, 40, 100, 200
"""Supervisor's process states (http://supervisord.org/subprocess.html#process-states)."""

_NO_SUCH_NAME, _ALREADY_ADDED, _NOT_RUNNING = 10, 90, 70
_MARK = "PITCHBAR_ENVIRONMENT"
_POLL = 0.02
_CALL_TIMEOUT = 10
_UNCARRIED = re.compile(r"[\r\n]|\s[;#]|%\(here\)s")
"""What no value in Supervisor's configuration can hold: it would end there, begin a comment, or be replaced."""
_STOP_SECONDS = 3700
"""Longer than any stop timeout that the model allows; Supervisor itself sends SIGKILL in time."""


@dataclass(frozen=True)
class Program:
    """A group of equal processes. ``{process}`` in the command is the process' number, from 0."""

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    processes: int = 1
    stop_signal: str = "TERM"
    stop_timeout: int = 10
    user: pwd.struct_passwd | None = None


@dataclass(frozen=True)
class ProcessInfo:
    """What Supervisor says of one process."""

    name: str
    state: int
    pid: int
    reason: str


class Supervisor:
    """The supervisord of one environment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def answers(self) -> bool:
        """Whether supervisord runs and answers."""
        try:
            return bool(self._call("getState")["statecode"] == 1)
        except UserError:
            return False

    def shutdown(self) -> None:
        """Ask supervisord to stop all it runs and end; returns at once."""
        with contextlib.suppress(UserError):
            self._call("shutdown")

    def start(self, program: Program) -> None:
        """Write the program's file and start its processes; a program of that name is replaced."""
        self.remove(program.name)
        write_private(self._file(program.name), _render(program, self.layout))
        self._call("reloadConfig")
        with contextlib.suppress(_Fault.of(_ALREADY_ADDED)):
            self._call("addProcessGroup", program.name)

    def stop(self, name: str) -> None:
        """Stop a program's processes, each with its stop signal and, past its stop timeout, SIGKILL; waits for them.

        Asking for their states makes supervisord notice an ended process at once; by itself it looks once a second.
        """
        with contextlib.suppress(_NotRunning, _Fault.of(_NO_SUCH_NAME)):
            self._call("stopProcessGroup", name, False)
        for _ in self.wait(_STOP_SECONDS):
            if all(process.state in (STOPPED, EXITED, FATAL) for process in self.processes(name)):
                return

    def resume(self, name: str) -> bool:
        """Start a program's processes again after :meth:`stop`; whether there was anything to start."""
        stopped = any(process.state in (STOPPED, FATAL, EXITED) for process in self.processes(name))
        if stopped:
            self._call("startProcessGroup", name, False)
        return stopped

    def remove(self, name: str) -> None:
        """Stop a program and forget it. Unknown already, or no supervisord, is fine."""
        if not self._file(name).exists():
            return  # It has never been started: the file is there before the program, and longer.
        self.stop(name)
        with contextlib.suppress(_NotRunning, _Fault.of(_NO_SUCH_NAME)):
            self._call("removeProcessGroup", name)
        self._file(name).unlink(missing_ok=True)

    def runs_or_starts(self, name: str) -> bool:
        """Whether every process of the program is running, or up for less than a second."""
        found = self.processes(name)
        return bool(found) and all(process.state in (STARTING, RUNNING) for process in found)

    def processes(self, name: str | None = None) -> tuple[ProcessInfo, ...]:
        """All processes, or those of one program; none when supervisord doesn't answer."""
        try:
            found = self._call("getAllProcessInfo")
        except _NotRunning:
            return ()
        return tuple(
            ProcessInfo(p["name"], p["state"], p["pid"], p["spawnerr"] or p["description"])
            for p in found
            if name is None or p["group"] == name
        )

    def runs(self, name: str) -> bool:
        """Whether every process of the program is running."""
        found = self.processes(name)
        return bool(found) and all(process.state == RUNNING for process in found)

    def failed(self, name: str) -> ProcessInfo | None:
        """A process of the program that ended by itself and could not be started again yet, if there is one."""
        return next((p for p in self.processes(name) if p.state in (BACKOFF, FATAL, EXITED)), None)

    def program(self, name: str) -> Program | None:
        """A program as :meth:`start` wrote it, or None where there is none: command, folder, environment and user."""
        from supervisor.datatypes import dict_of_key_value_pairs

        written = configparser.RawConfigParser()
        if not written.read(self._file(name), encoding="utf-8"):
            return None
        values = {key: value.replace("%%", "%") for key, value in written[f"program:{name}"].items()}
        user = values.get("user")
        return Program(
            name=name,
            command=tuple(shlex.split(values["command"])),
            directory=Path(values["directory"]),
            environment=dict_of_key_value_pairs(values["environment"]),
            user=pwd.getpwnam(user) if user else None,
        )

    def last_lines(self, process: str, count: int = 10) -> str:
        """The end of a process' log, indented for an error message and without the secrets of its environment."""
        log = self.layout.logs / f"{process}.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        program = self.program(process.rpartition("-")[0])
        lines = redact(text, secrets_of(program.environment if program else {})).splitlines()
        return "\n".join(f"    {line}" for line in lines[-count:]) or "    (it logged nothing)"

    def wait(self, seconds: float) -> Iterator[float]:
        """Look again and again until the deadline or the engine's wish to stop: yields the seconds left."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            cancellation.check()
            yield left
            time.sleep(_POLL)

    def _file(self, name: str) -> Path:
        return self.layout.programs / f"{name}.conf"

    def _call(self, method: str, *arguments: Any) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=_UnixTransport(self.layout.supervisor_socket))
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise _Fault.of(fault.faultCode)(f"Supervisor refused {method}: {fault.faultString}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            raise _NotRunning(
                f"The supervisor of {self.layout.directory} doesn't answer. Run `pitchbar up`, which starts it again."
            ) from None


class _NotRunning(UserError):
    """Nobody answers on supervisord's socket."""


class _Fault(UserError):
    """An answer of supervisord that is an error; one class per fault code, so that a caller can expect one of them."""

    _classes: ClassVar[dict[int, type["_Fault"]]] = {}

    @classmethod
    def of(cls, code: int) -> type["_Fault"]:
        return cls._classes.setdefault(code, type(f"Fault{code}", (cls,), {}))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> Any:
        return _UnixConnection(self._path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("supervisor", timeout=_CALL_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def mark(layout: Layout) -> dict[str, str]:
    """The environment variable by which a process of this environment is known even when supervisord is gone."""
    return {_MARK: str(layout.directory)}


def _render(program: Program, layout: Layout) -> str:
    command = _escape(_words(program.command)).replace("{process}", "%(process_num)d")
    variables = {**program.environment, **mark(layout)}
    lines = [
        f"[program:{program.name}]",
        f"command={command}",
        f"directory={_escape(str(program.directory))}",
        "environment=" + ",".join(f"{name}={_quote(value)}" for name, value in variables.items()),
        f"numprocs={program.processes}",
        "process_name=%(program_name)s-%(process_num)d",
        f"stdout_logfile={_escape(str(layout.logs))}/%(program_name)s-%(process_num)d.log",
        "redirect_stderr=true",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=1",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000",
        f"stopsignal={program.stop_signal}",
        f"stopwaitsecs={program.stop_timeout}",
        "stopasgroup=false",
        "killasgroup=true",
        *([f"user={program.user.pw_name}"] if program.user else []),
    ]
    return "\n".join(lines) + "\n"


def _words(command: tuple[str, ...]) -> str:
    if any(_UNCARRIED.search(word) for word in command):
        raise UserError(
            "The command of a process can't hold a line break, ; or # after a space, or %(here)s. "
            "Put what it does into a file and run that."
        )
    return shlex.join(command)


def _escape(value: str) -> str:
    return value.replace("%", "%%")


def _quote(value: str) -> str:
    """Supervisor's own quoting: no escapes, and quotes at either end are stripped."""
    quote = "'" if '"' in value else '"'
    if quote in value or value != value.strip("'\"") or _UNCARRIED.search(value):
        raise UserError(
            "An environment variable of a process can't hold a line break, both kinds of quotes, a quote at an end, "
            "; or # after a space, or %(here)s. Encode it, for example with base64."
        )
    return f"{quote}{_escape(value)}{quote}"

"""Real PostgreSQL and Redis servers for tests: own folder, own port, own password, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.provider.local.ports import is_free
from infra.toolchain import SERVICE_USER, locate
from tests.support.processes import PATIENCE, wait_until

_claims: list[socket.socket] = []
"""One for each port that this process was given; their names say to other processes which."""


@dataclass
class Server:
    """One server process on 127.0.0.1 that a test can stop, freeze and start again on the same data."""

    port: int
    password: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    crash_signal: signal.Signals = signal.SIGKILL
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the server and wait until its port answers."""
        with self.log.open("ab") as output:
            self.process = popen(self.command, self.environment, output)
        wait_for_port(self.port, self.process, self.log)

    def stop(self) -> None:
        """Stop the server, if it runs, and wait until it has ended."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(self.stop_signal)
            process.wait(PATIENCE)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(self.crash_signal)
            process.wait(PATIENCE)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """While this lasts the server accepts connections and answers nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)  # From now on it has no new children.
        pids = [self.process.pid, *children(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@dataclass
class Postgres(Server):
    """A PostgreSQL server with one role, which owns the database `postgres`."""

    user: str = "pitchbar"

    def start(self) -> None:
        """Start the server and wait until it takes statements, which is later than that its port answers."""
        super().start()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.execute("SELECT 1")
                return
            except subprocess.CalledProcessError as error:
                if time.monotonic() >= deadline:
                    raise AssertionError(f"PostgreSQL takes no statements: {error.stderr}") from error
                time.sleep(0.02)

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql and return its unaligned output."""
        command = [str(locate().postgres / "bin" / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        address = ["-h", self.host, "-p", str(self.port), "-U", self.user, "-d", database]
        environment = {"PGPASSWORD": self.password, "PATH": os.environ["PATH"]}
        done = subprocess.run([*command, *address], env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@dataclass
class Redis(Server):
    """A Redis server that keeps an append-only file."""

    def start(self) -> None:
        """Start the server and wait until it has read its data, which is later than that its port answers."""
        super().start()
        wait_until(lambda: self.execute("PING") == "+PONG", "Redis has read its data")

    def execute(self, *words: str | bytes) -> str:
        """Run one command and return the first line of its answer, as the protocol writes it."""
        with socket.create_connection((self.host, self.port), timeout=PATIENCE) as connection:
            answers = connection.makefile("rb")
            connection.sendall(_command("AUTH", self.password))
            assert answers.readline() == b"+OK\r\n"
            connection.sendall(_command(*words))
            return answers.readline().decode().strip()


@contextlib.contextmanager
def service_folder() -> Iterator[Path]:
    """A temporary folder that the service user owns and can reach; root's own temporary folders are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="pitchbar-", dir="/var/tmp"))
    try:
        _give(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A running PostgreSQL whose data lies in a folder made by `service_folder`."""
    programs, data, password_file = locate().postgres / "bin", folder / "postgres", folder / "postgres-password"
    password, port = secrets.token_urlsafe(24), free_port()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    _write(password_file, password)
    init = f"initdb -U pitchbar -A scram-sha-256 -E UTF8 --no-sync -D {data} --pwfile={password_file}".split()
    log = folder / "postgres.log"
    with log.open("ab") as output:
        assert popen([str(programs / init[0]), *init[1:]], environment, output).wait(PATIENCE) == 0, log.read_text()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "60",
        "shared_buffers": "32MB",
    }
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    server = Postgres(port, password, command, environment, log, signal.SIGINT, signal.SIGQUIT)
    with _running(server):
        yield server


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[Redis]:
    """A running Redis whose data lies in a folder made by `service_folder`."""
    tools, configuration = locate(), folder / "redis.conf"
    password, port = secrets.token_urlsafe(24), free_port()
    lines = ("bind 127.0.0.1", f"port {port}", f"requirepass {password}", f"dir {folder}", "appendonly yes", "save ''")
    _write(configuration, "\n".join(lines))
    environment = {"PATH": os.environ["PATH"]}
    if tools.redis_library_path is not None:
        environment["LD_LIBRARY_PATH"] = str(tools.redis_library_path)
    command = [str(tools.redis_server), str(configuration)]
    server = Redis(port, password, command, environment, folder / "redis.log")
    with _running(server):
        yield server


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses, and that as long as this process runs no other call gives: its server
    may be stopped and come back. It lies below the ports of outgoing connections, of which one could take it meanwhile,
    and of the environments."""
    while True:
        port = random.randrange(10_000, 20_000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0pitchbar-tests-port-{port}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        if is_free(port):
            return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something listens on the port; fail at once, with the log, when the process ends instead."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not listen on port {port}:\n{log.read_text(errors='replace')}")


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def popen(command: Sequence[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a server's program as an unprivileged user, which PostgreSQL insists on."""
    user = service_user()
    return subprocess.Popen(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
    )


def service_user() -> pwd.struct_passwd | None:
    """Whom root runs servers as; None where one is not root and they run as oneself."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get(SERVICE_USER, known["nobody"])


@contextlib.contextmanager
def _running(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.kill()


def _command(*words: str | bytes) -> bytes:
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _write(path: Path, text: str) -> None:
    """Write a file that only the service user can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    _give(path)


def _give(path: Path) -> None:
    user = service_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)

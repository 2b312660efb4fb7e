"""``pitchbar:local:Postgres``: a PostgreSQL 16 server with one database and the role that owns it."""

import getpass
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra import empty_cluster
from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local import ports
from infra.provider.local.layout import Layout, service_user, write_private
from infra.provider.local.run import run
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.marshal import secret
from infra.toolchain import locate

PROGRAM = "postgres"
BACKUP_ROLE = "barman"
_START_SECONDS = 30
_CLUSTER = "pitchbar.cluster"
_CHEAPLY = ("--reflink=auto", "--sparse=always")
"""A third of an empty cluster is zeros: the rest of its first piece of log."""
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED = re.compile(r"pg_|(postgres|template[01]|public|none)$")


@dataclass(frozen=True)
class Inputs:
    """``port`` 0 finds one. ``settings`` go into postgresql.conf as they are."""

    directory: str
    database: str
    username: str
    password: str = secret()
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State(Inputs):
    """``bound_port`` is where it listens on 127.0.0.1; ``running`` whether it does. ``cluster`` names the data: made
    anew, it has another name; empty for data of an earlier version."""

    bound_port: int = 0
    running: bool = False
    cluster: str = ""


class PostgresResource(Resource[Inputs, State]):
    """A singleton: made anew, it takes over the data that is there. Administered over its unix socket by peer
    authentication, so the superuser has no password; everyone else needs SCRAM."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory", "database", "username"})
    determines = frozenset({("port", "bound_port")})

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        reasons = {}
        for name, value in (("database", inputs.database), ("username", inputs.username)):
            if not _IDENTIFIER.fullmatch(value):
                reasons[name] = f"is {value!r}; it must be lower case letters, digits and _, at most 63 of them"
            elif _RESERVED.match(value):
                reasons[name] = f"is {value!r}, which is PostgreSQL's own; choose another, for example 'pitchbar'"
        return reasons

    def create(self, inputs: Inputs) -> tuple[str, State]:
        server = _Server(Layout(Path(inputs.directory)), inputs)
        server.initialise()
        port = server.settle_port(port_of(Layout(Path(inputs.directory))))
        server.start(port)
        server.define_database()
        return "postgres", extend(State, inputs, bound_port=port, running=True, cluster=server.cluster())

    def read(self, id: str, state: State) -> State | None:
        server = _Server(Layout(Path(state.directory)), state)
        if not server.is_initialised():
            return None
        return replace(state, running=server.answers(), cluster=server.cluster())

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        server = _Server(Layout(Path(inputs.directory)), inputs)
        port = server.settle_port(state.bound_port)
        if port != state.bound_port or inputs.settings != state.settings or not server.answers():
            server.start(port)
        server.define_database()
        return extend(State, inputs, bound_port=port, running=True, cluster=server.cluster())

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        Supervisor(layout).remove(PROGRAM)
        folders.remove(layout.postgres)


def port_of(layout: Layout) -> int:
    """Where the server listens, or is to listen; 0 where it was never started."""
    match = re.search(r"^port = (\d+)$", _text(layout.postgres / "data" / "pitchbar.conf"), re.MULTILINE)
    return int(match[1]) if match else 0


def administer(layout: Layout, statements: str, secrets: Iterable[str] = (), *, role: str = "postgres") -> str:
    """Run statements over the server's unix socket, by default as its superuser, and return their unaligned output.

    Raises :class:`UserError` when the server doesn't answer or a statement fails.
    """
    if not layout.postgres.is_dir():
        raise UserError(f"{layout.postgres} is gone. Run `pitchbar up`, which makes the database anew.")
    command: list[str | Path] = [locate().postgres / "bin" / "psql", "-h", layout.postgres, "-p", str(port_of(layout))]
    options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", "postgres", "-f", "-")
    return run(
        [*command, *options],
        what="psql",
        timeout=30,
        text=statements,
        secrets=secrets,
        user=service_user(),
        directory=layout.postgres,
    )


def admit(layout: Layout) -> None:
    """Let in whom this version lets in; a server that an earlier version configured learns of it without a restart."""
    texts = {"pg_hba.conf": _HBA, "pg_ident.conf": _identities()}
    stale = {name: text for name, text in texts.items() if _text(layout.postgres / "data" / name) != text}
    for name, text in stale.items():
        write_private(layout.postgres / "data" / name, text, for_service=True)
    if stale:
        administer(layout, "SELECT pg_reload_conf();")


class _Server:
    def __init__(self, layout: Layout, inputs: Inputs) -> None:
        self._folder = layout.postgres
        self._data = layout.postgres / "data"
        self._layout = layout
        self._inputs = inputs
        self._supervisor = Supervisor(layout)
        self._bin = locate().postgres / "bin"

    def is_initialised(self) -> bool:
        return (self._data / "PG_VERSION").exists()

    def cluster(self) -> str:
        """The name of the data, which is in it: the copies of one empty cluster have the same system identifier."""
        return _text(self._data / _CLUSTER).strip()

    def initialise(self) -> None:
        """Make the cluster in a draft folder and name it ``data`` when it is whole, so that an interrupted one is
        never used."""
        folders.make_folder_of_service(self._folder)
        if self.is_initialised():
            return
        draft = self._folder / "draft"
        folders.remove(draft)
        copy: list[str | Path] = ["cp", "-a", *_CHEAPLY, empty_cluster.ensure(self._bin.parent), draft]
        run(copy, what="Copying the empty cluster", timeout=60, user=service_user(), directory=self._folder)
        write_private(draft / _CLUSTER, secrets.token_hex(8) + "\n", for_service=True)
        draft.rename(self._data)

    def settle_port(self, had: int) -> int:
        """The port to listen on; ``had`` is the one so far."""
        runs = self._supervisor.runs_or_starts(PROGRAM)
        return ports.settle(f"{self._inputs.directory} postgres", self._inputs.port, had, runs=runs)

    def start(self, port: int) -> None:
        self._supervisor.remove(PROGRAM)
        self._configure(port)
        command = (str(self._bin / "postgres"), "-D", str(self._data))
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions and writes a checkpoint.
        self._supervisor.start(
            Program(PROGRAM, command, self._data, stop_signal="INT", stop_timeout=60, user=service_user())
        )
        for _ in self._supervisor.wait(_START_SECONDS):
            if self.answers():
                return
            if self._supervisor.failed(PROGRAM):
                break
        lines = self._supervisor.last_lines(f"{PROGRAM}-0")
        self._supervisor.remove(PROGRAM)
        raise UserError(f"PostgreSQL didn't start on port {port}. Its last log lines:\n{lines}")

    def answers(self) -> bool:
        if not self._supervisor.runs_or_starts(PROGRAM):
            return False
        try:
            self._psql("SELECT 1")
        except UserError:
            return False
        return True

    def define_database(self) -> None:
        """The role, its password and its database as they should be, whatever was there.

        pgvector is not a trusted extension, so the database's owner could not create it.
        """
        role, database = self._inputs.username, self._inputs.database
        password = self._inputs.password.replace("'", "''")
        self._psql(
            f"""
            SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;
            SELECT 'CREATE ROLE "{role}"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
            ALTER ROLE "{role}" LOGIN PASSWORD '{password}';
            SELECT 'CREATE DATABASE "{database}" OWNER "{role}"'
             WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
            REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;
            \\connect "{database}"
            SET client_min_messages = 'warning';
            CREATE EXTENSION IF NOT EXISTS vector;
            """
        )

    def _psql(self, statements: str) -> str:
        return administer(self._layout, statements, (self._inputs.password,))

    def _configure(self, port: int) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self._folder),
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "log_line_prefix": "%m [%p] ",
            # After a kill the default opens and flushes every file of the cluster, which takes seconds on a busy disk.
            "recovery_init_sync_method": "syncfs",
            **self._inputs.settings,
        }
        self._write("pitchbar.conf", "".join(f"{name} = {_value(value)}\n" for name, value in settings.items()))
        self._write("pg_hba.conf", _HBA)
        self._write("pg_ident.conf", _identities())
        main = _text(self._data / "postgresql.conf")
        if "include = 'pitchbar.conf'" not in main:
            self._write("postgresql.conf", f"{main}\ninclude = 'pitchbar.conf'\n")

    def _write(self, name: str, text: str) -> None:
        write_private(self._data / name, text, for_service=True)


def _identities() -> str:
    """Who of this machine may be the superuser, and who the role that backups are made with. Barman runs as root where
    the services' user can't reach its Python."""
    user, own = service_user(), getpass.getuser()
    superuser = user.pw_name if user else own
    lines = [(superuser, "postgres"), *((name, BACKUP_ROLE) for name in sorted({superuser, own}))]
    return "".join(f"pitchbar {name} {role}\n" for name, role in lines)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _value(value: str) -> str:
    return value if value.isdigit() else "'" + value.replace("'", "''") + "'"


_HBA = f"""\
# type  database     user      address       method
local   all          postgres                peer map=pitchbar
local   postgres     {BACKUP_ROLE}                  peer map=pitchbar
local   replication  {BACKUP_ROLE}                  peer map=pitchbar
host    all          all       127.0.0.1/32  scram-sha-256
"""

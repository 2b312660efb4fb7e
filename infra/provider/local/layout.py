"""The folders of one environment of the local target, and who may enter them.

As root everything but Supervisor runs as the system user ``pitchbar``: the environment's folder is then
``root:pitchbar`` 0750, and the folders that a service writes to belong to that user. As anyone else everything is
that user's own, 0700.
"""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.paths import socket_path_fits
from infra.toolchain import SERVICE_USER

ACCEPTED = "accepted"
"""The file that Verification leaves in the folder of a generation that it let through."""

LONGEST_SOCKET = "services/realtime-ffffffff/99.sock"


@dataclass(frozen=True)
class Layout:
    """Where the parts of an environment are, below ``directory``."""

    directory: Path

    @property
    def programs(self) -> Path:
        """Supervisor's program files; they hold secrets (0700)."""
        return self.directory / "conf.d"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def supervisor_socket(self) -> Path:
        return self.directory / "supervisor.sock"

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def redis(self) -> Path:
        return self.directory / "redis"

    @property
    def gateway(self) -> Path:
        return self.directory / "gateway"

    @property
    def releases(self) -> Path:
        """The release store: one folder per release, named by its id."""
        return self.directory / "releases"

    @property
    def services(self) -> Path:
        """One folder per generation of a process, with its listeners."""
        return self.directory / "services"

    @property
    def current(self) -> Path:
        """A link to the folder whose links name the generations that the gateway sends visitors to."""
        return self.directory / "current"


def service_user() -> pwd.struct_passwd | None:
    """The user that the data services run as, or None where they run as the user of this process.

    Raises :class:`UserError` as root when set-up hasn't made the user.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise UserError(
            f"PostgreSQL refuses to run as root and the system user {SERVICE_USER} doesn't exist. Run `make setup`."
        ) from None


def user_for(program: Path) -> pwd.struct_passwd | None:
    """The user to run ``program`` as: the data services' where that user can reach it, else the user of this process.

    A Python in root's home is one that it can't reach.
    """
    user = service_user()
    folders = (*program.absolute().parents, *program.resolve().parents)
    return user if all(folder.stat().st_mode & stat.S_IXOTH for folder in folders) else None


def make(layout: Layout) -> None:
    """Make the environment's folders, each with its owner and mode. Safe to repeat."""
    longest = layout.directory / LONGEST_SOCKET
    if not socket_path_fits(longest):
        raise UserError(
            f"{layout.directory} is too long a path: a unix socket below it would exceed Linux' 107 bytes. "
            "Set PITCHBAR_DATA_HOME to a shorter folder, for example `export PITCHBAR_DATA_HOME=/tmp/pitchbar`."
        )
    user = service_user()
    layout.directory.mkdir(parents=True, exist_ok=True)
    if user:
        os.chown(layout.directory, 0, user.pw_gid)
    layout.directory.chmod(0o750 if user else 0o700)
    for private in (layout.programs, layout.logs):
        private.mkdir(exist_ok=True)
        private.chmod(0o700)
    for shared in (layout.releases, layout.services):
        shared.mkdir(exist_ok=True)


def make_folder_of_service(folder: Path) -> None:
    """Make a folder that only the services' user may enter (0700)."""
    user = service_user()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)


def write_private(path: Path, text: str, *, for_service: bool = False) -> None:
    """Write a file that holds a secret: 0600 from its first byte, replaced in one step."""
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    user = service_user() if for_service else None
    if user:
        os.chown(draft, user.pw_uid, user.pw_gid)
    draft.rename(path)


def remove(folder: Path) -> None:
    """Remove a folder and all in it; gone already is fine."""
    shutil.rmtree(folder, ignore_errors=False, onerror=_unless_gone)


def _unless_gone(function: object, path: str, error: object) -> None:
    if os.path.lexists(path):
        raise OSError(f"{path} could not be removed")

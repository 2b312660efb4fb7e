"""Where Pitchbar keeps things on this machine.

Two places, because their readers differ:

- the *project home* (``.pitchbar/`` in the checkout) holds what Pulumi needs: state, the local stacks' configuration,
  passphrases;
- the *data home* holds what runs: one folder per environment with PostgreSQL's data, sockets, logs and releases. As
  root it is ``/var/lib/pitchbar``, because PostgreSQL runs as an unprivileged user, who can't reach a checkout under
  ``/root``.
"""

import hashlib
import os
from pathlib import Path

_UNIX_SOCKET_PATH_LIMIT = 107
"""Bytes that Linux allows in a unix socket's path, without the closing zero (``man 7 unix``)."""


def project_root() -> Path:
    """The checkout: the folder of Pulumi.yaml."""
    return Path(__file__).resolve().parent.parent


def home() -> Path:
    """The project home, ``$PITCHBAR_HOME`` or ``.pitchbar`` in the checkout."""
    return _from_environment("PITCHBAR_HOME") or project_root() / ".pitchbar"


def app_dir() -> Path:
    """The app that is released, ``$PITCHBAR_APP_DIR`` or ``app/`` in the checkout."""
    return _from_environment("PITCHBAR_APP_DIR") or project_root() / "app"


def state_dir() -> Path:
    """The folder of Pulumi's file backend."""
    return home() / "state"


def stack_config_file(stack: str) -> Path:
    """The configuration of a stack of the local target; Pulumi writes the encryption salt into it."""
    return home() / "stacks" / f"Pulumi.{stack}.yaml"


def passphrase_file(stack: str) -> Path:
    """The generated passphrase (mode 0600) that encrypts the secrets in a local stack's state."""
    return home() / "stacks" / f"{stack}.passphrase"


def data_home() -> Path:
    """The folder that holds every environment of this user."""
    configured = _from_environment("PITCHBAR_DATA_HOME")
    if configured:
        return configured
    if os.geteuid() == 0:
        return Path("/var/lib/pitchbar")
    return (_from_environment("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "pitchbar"


def environment_dir(stack: str) -> Path:
    """The folder of one environment: the stack's name and a hash of the project home, so that two checkouts never
    meet."""
    return data_home() / f"{stack}-{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}"


def release_store(stack: str) -> Path:
    """The folder of an environment's releases, each in a folder named by its id."""
    return environment_dir(stack) / "releases"


def socket_path_fits(path: Path) -> bool:
    """Whether a unix socket can have this path."""
    return len(os.fsencode(path)) <= _UNIX_SOCKET_PATH_LIMIT


def settle_umask() -> None:
    """Make files that nobody but their owner can change, whatever the user's umask; as root also ones that other users
    can read, because they run what root makes. A file that holds a secret says its own mode."""
    before = os.umask(0o022)
    if os.geteuid() != 0:
        os.umask(before | 0o022)


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).absolute() if value else None

"""An empty PostgreSQL cluster, made once by initdb and then copied: that takes a fifth of the time.

It holds no role but the superuser, who has no password, and no data. Copies share its system identifier, which matters
to nobody as long as they are not replicas of each other.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
from pathlib import Path

from infra.building import make_once
from infra.errors import UserError
from infra.toolchain import SERVICE_USER, cache_home

OPTIONS = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=peer", "--auth-host=scram-sha-256", "--no-sync")
_SECONDS = 120


def folder(postgres: Path) -> Path:
    """Where the cluster of this installation (the folder with ``bin/initdb``) is; it may not be there yet."""
    home = cache_home()
    installation = postgres.relative_to(home) if postgres.is_relative_to(home) else postgres
    digest = hashlib.sha256(f"{installation} {OPTIONS} {os.geteuid()}".encode()).hexdigest()[:12]
    return home / f"empty-cluster-{digest}" / "data"


def ensure(postgres: Path) -> Path:
    """The cluster, made first where it is missing. As root it belongs to the service user.

    Raises :class:`UserError` when initdb fails.
    """
    target = folder(postgres)

    def build(draft: Path) -> None:
        command = [str(postgres / "bin" / "initdb"), "-D", str(draft / "data"), "-U", "postgres", *OPTIONS]
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVICE_USER)
            os.chown(draft, user.pw_uid, user.pw_gid)
            command = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups", *command]
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, cwd=draft, env=environment, check=False
        )
        if done.returncode:
            raise UserError(f"initdb failed with exit code {done.returncode}:", done.stderr.splitlines()[-5:])

    make_once(target.parent, build)
    return target

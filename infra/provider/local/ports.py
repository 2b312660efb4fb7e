"""TCP ports on loopback: found once for an environment, then kept in the resource's state."""

import hashlib
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

from infra.errors import UserError

_FIRST, _COUNT = 20000, 10000
"""Below Linux' ephemeral range (32768 and up), so that no outgoing connection takes one while its server restarts."""

_FIRST_FOR_EVERYONE = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def candidates(owner: str) -> Iterator[int]:
    """Ports to try for ``owner``, always in the same order and another one for each owner."""
    start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4], "big")
    return (_FIRST + (start + step) % _COUNT for step in itertools.count())


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now. A connection's TIME_WAIT doesn't count against it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_for_everyone() -> int:
    return int(_FIRST_FOR_EVERYONE.read_text(encoding="ascii"))


def settle(owner: str, wanted: int, had: int, *, runs: bool) -> int:
    """The port for a server that is started (again): the wanted one, else the one it had while that is to be had.

    ``had``: its port so far, or 0. ``runs``: whether it still does, so that it is itself who has that port.

    Raises :class:`UserError` when the wanted port is taken.
    """
    if had and wanted in (0, had) and (runs or is_free(had)):
        return had
    return find(owner, wanted)


def find(owner: str, wanted: int = 0) -> int:
    """A free port: the wanted one, or without a wish the first free one of ``owner``'s.

    Raises :class:`UserError` when the wanted port is taken, or only root's processes may listen on it.
    """
    if wanted:
        if wanted < _first_for_everyone():
            raise UserError(
                f"Port {wanted} is one of those on which only root's processes may listen, and none here is one. "
                f"Choose another, for example 8080, or let everyone listen on it: "
                f"`sysctl net.ipv4.ip_unprivileged_port_start={wanted}` as root."
            )
        if not is_free(wanted):
            raise UserError(
                f"Port {wanted} of 127.0.0.1 is taken by another program. "
                f"Free it (`ss -ltnp 'sport = :{wanted}'` shows who has it) or choose another."
            )
        return wanted
    return next(port for port in candidates(owner) if is_free(port))

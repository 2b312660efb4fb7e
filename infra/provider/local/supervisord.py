"""supervisord that starts an ended process again at once.

Supervisor's loop waits for a second at most, and Python goes on waiting when a signal interrupts it, so the end of a
child is noticed up to a second late. Here every signal also rings a bell that the loop listens to.
"""

import signal
import socket

from supervisor import supervisord
from supervisor.medusa.asyncore_25 import socket_map
from supervisor.options import ServerOptions


class _Bell:
    """What the loop listens to, in the form of one of its own connections."""

    closed = False

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        socket_map[self._reading.fileno()] = self

    def ring_on_signals(self) -> None:
        """Have the interpreter write a byte, the signal's number, whenever a signal arrives."""
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        """Ring once more after a signal: the loop sees in one round what has ended and starts it in the next."""
        try:
            if any(self._reading.recv(4096)):
                self._writing.send(b"\0")
        except BlockingIOError:
            pass

    def handle_error(self) -> None:
        raise


class _Options(ServerOptions):  # type: ignore[misc]
    """Supervisor's options, which set its signal handlers."""

    def setsignals(self) -> None:
        super().setsignals()
        _Bell().ring_on_signals()


def main() -> None:
    """Run supervisord with the arguments of this process."""
    supervisord.ServerOptions = _Options
    supervisord.main()


if __name__ == "__main__":
    main()

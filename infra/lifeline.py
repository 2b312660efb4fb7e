"""Ends this process when the one that needs it ends, even by `kill -9`."""

from __future__ import annotations

import os
import select
import threading


def end_with(process: int) -> None:
    """From now on, end at once when `process` has ended. The kernel tells; nothing is polled.

    Call it early with the parent's id: if the parent has ended already, this process ends in this call.
    """
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        os._exit(1)
    threading.Thread(target=_wait, args=(handle,), name="lifeline", daemon=True).start()


def end_when_closed(pipe: int) -> None:
    """From now on, end at once when every process that has the pipe's other end has closed it or ended."""
    threading.Thread(target=_wait, args=(pipe,), name="lifeline", daemon=True).start()


def is_closed(pipe: int) -> bool:
    """Whether every process that had the pipe's other end has closed it or ended."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(0))


def _wait(handle: int) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)  # Readable when the process has ended; a closed pipe hangs up.
    poll.poll()
    os._exit(1)

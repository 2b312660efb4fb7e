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


def _wait(handle: int) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)  # Readable when the process has ended.
    poll.poll()
    os._exit(1)

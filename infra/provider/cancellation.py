"""The engine's wish to stop (Ctrl-C): everything that waits asks here, gives up, and leaves what was there before."""

import threading

from infra.errors import UserError

_cancelled = threading.Event()


def cancel() -> None:
    """Make every waiting effect give up at its next look."""
    _cancelled.set()


def cancelled() -> bool:
    """Whether the update was cancelled."""
    return _cancelled.is_set()


def wait(seconds: float) -> None:
    """Sleep, unless the update is cancelled meanwhile: then raise as :func:`check` does."""
    _cancelled.wait(seconds)
    check()


def check() -> None:
    """Raise :class:`UserError` when the update was cancelled."""
    if cancelled():
        raise UserError("The update was cancelled. What served before still serves; run `pulumi up` to go on.")

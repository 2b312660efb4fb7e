"""Waits that a signal ends at once.

Python goes on with an interrupted wait after the signal's handler has run. A handler that raised an exception would end
it, but might also hit whatever else the process is doing. Here it raises one during a wait, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable


class _CutShort(BaseException):
    """The wait is over."""


class Interruption:
    """Ends the wait that the process is in, or else the next one."""

    def __init__(self) -> None:
        self._noted = False
        self._waiting = False

    def happen(self) -> None:
        """End the wait. For signal handlers, and there the last thing to do."""
        self._noted = True
        if self._waiting:
            self._waiting = False
            raise _CutShort

    def forget(self) -> None:
        """From now on wait again: what was noted so far is about to be looked at."""
        self._noted = False

    def during(self, wait: Callable[[], object]) -> bool:
        """Do something that only waits; the result says whether it came to its end."""
        try:
            try:
                self._waiting = True
                if self._noted:
                    return False
                wait()
            finally:
                self._waiting = False
        except _CutShort:
            return False
        return True

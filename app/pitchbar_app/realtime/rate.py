"""How often a client may send events of its own."""

from __future__ import annotations

from time import monotonic


class Allowance:
    """So many events in a second, and as many at once."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._at = monotonic()

    def take(self) -> bool:
        """Use one; False when there is none left."""
        now = monotonic()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

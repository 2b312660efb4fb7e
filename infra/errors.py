"""The one exception that is meant for people: what happened, why, and the next command to type."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """A mistake that its reader can mend; `str(error)` is everything that is shown, so it must hold no secret."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        """Say `message`; with `problems`, add each of them on a line of its own below it."""
        super().__init__("\n".join((message, *(f"  {problem}" for problem in problems))))
        self.problems: tuple[str, ...] = tuple(problems)

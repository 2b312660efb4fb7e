"""The one exception that is meant for people: what happened, why, and the next command to type."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Sequence
from pathlib import Path


class UserError(Exception):
    """A mistake that its reader can mend; `str(error)` is everything that is shown, so it must hold no secret."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        """Say `message`; with `problems`, add each of them on a line of its own below it."""
        super().__init__("\n".join((message, *(f"  {problem}" for problem in problems))))
        self.problems: tuple[str, ...] = tuple(problems)


def of_system(error: OSError) -> UserError | None:
    """What the operating system refused, for people; None where the cause is rather a defect of ours."""
    if error.errno not in _REFUSALS:
        return None
    place = str(error.filename2 or error.filename or "")
    advice, command = _REFUSALS[error.errno]
    told = f"{place}: {error.strerror}." if place else f"{error.strerror}."
    look = f"{command} {shlex.quote(str(Path(place).parent))}" if place else "pitchbar doctor"
    return UserError(f"{told} {advice}, then repeat the command. To see what is there, type: {look}")


_SPACE = ("Free some space", "df -h")
_RIGHTS = ("Make it writable for this user, or choose another folder", "ls -ld")
_PLACE = ("Move away what is there in the place of a file or a folder", "ls -la")
_REFUSALS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _SPACE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _RIGHTS),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP), _PLACE),
}

"""Which revision of the database's schema this release knows, read from the names of the migration files.

A file is called `<revision>_<what>.py`, revisions count up (0001, 0002 …) and never branch, so the serving processes
need not load Alembic to know the newest one.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def revisions() -> tuple[str, ...]:
    """Every revision of this release, oldest first."""
    names = (path.name for path in (MIGRATIONS / "versions").iterdir())
    return tuple(sorted(match[1] for name in names if (match := re.fullmatch(r"(\d{4})_\w+\.py", name))))


def head() -> str:
    """The newest revision of this release."""
    return revisions()[-1]


def problem(current: str | None) -> str | None:
    """Why this release cannot serve on a database at `current`; None where it can.

    A revision that this release does not know is a newer release's: schemas only grow while two releases overlap.
    """
    if current is None:
        return f"The database has no schema yet: this release needs revision {head()}. Run the migration first."
    if current in revisions()[:-1]:
        return f"The database is at revision {current}: this release needs {head()}. Run the migration first."
    return None

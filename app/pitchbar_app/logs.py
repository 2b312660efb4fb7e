"""Logging: one line for each record on standard error, with every known secret taken out."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from urllib.parse import quote

from pitchbar_app.secret import Secret

REDACTED = "**********"
_SHORTEST = 4


class LineFormatter(logging.Formatter):
    """Formats a record, with its traceback, as one line without secrets."""

    def __init__(self, process: str, secrets: Iterable[Secret] = ()) -> None:
        super().__init__(f"%(asctime)s.%(msecs)03dZ %(levelname)s {process} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._hidden = _forms(secrets)

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Times are in UTC, so that the lines of several machines sort together."""
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line; a traceback's lines are joined with ` | `."""
        text = super().format(record)
        for value in self._hidden:
            text = text.replace(value, REDACTED)
        return " | ".join(line.strip() for line in text.splitlines() if line.strip())


def configure(process: str, secrets: Iterable[Secret]) -> None:
    """Send every log record of this process to standard error through one redacting formatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(process, secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for noisy in ("uvicorn", "uvicorn.error", "alembic", "rq.worker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _forms(secrets: Iterable[Secret]) -> tuple[str, ...]:
    """Each secret as it is and as it looks in an address; the longest first, so that no rest of one stays."""
    values = {secret.reveal() for secret in secrets}
    forms = values | {quote(value, safe="") for value in values} | {repr(value)[1:-1] for value in values}
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True))

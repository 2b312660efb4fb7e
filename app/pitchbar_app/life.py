"""Whether this process' container is well: `python -m pitchbar_app healthy URL` and `… healthy worker`.

A process that listens is asked over HTTP. A worker doesn't listen: it leaves a sign of life in the file that
HEARTBEAT_FILE names, where that is set, each time it looks for a job or at the one that runs.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

VARIABLE = "HEARTBEAT_FILE"
PATIENCE = 60.0
"""How old a worker's last sign of life may be: many times the time between two, for when Redis answers late."""

TIMEOUT = 3.0


def beat() -> None:
    """Leave a sign of life; no reason to end if that can't be done."""
    path = os.environ.get(VARIABLE)
    if path:
        with contextlib.suppress(OSError):
            Path(path).touch()


def run(what: str) -> int:
    """0 when it is well; else 1, and why on standard error."""
    problem = _worker() if what == "worker" else _listener(what)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def _worker() -> str:
    path = os.environ.get(VARIABLE)
    if not path:
        return f"{VARIABLE} is not set: set it, for the worker as well, to a file that both can write."
    try:
        age = time.time() - Path(path).stat().st_mtime
    except FileNotFoundError:
        return "The worker has not given a sign of life yet."
    return f"The worker gave its last sign of life {age:.0f} s ago." if age > PATIENCE else ""


def _listener(url: str) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{url} does not answer: {type(error).__name__}: {error}."
    finally:
        connection.close()
    return "" if status == 200 else f"{url} answers {status}."

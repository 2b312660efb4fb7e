"""The cron Worker's script, from the template ``worker_templates/queue-tick.js``. The token is never in it."""

import hashlib
import json
from pathlib import Path

from infra.model import QueueTick
from infra.paths import project_root

PATH = "/api/v1/internal/queue-tick"
SECRET = "INTERNAL_QUEUE_TOKEN"
"""The secret binding that holds the token."""

APP_URL = "{app_url}"
"""Stands for the app's address in a release's script: the address is the stack's, the script the release's."""

_BLANK = "const TICK = {};"


def render(tick: QueueTick, url: str) -> str:
    """The script with the tick's parameters and the app's address baked in."""
    parameters = {"max_time": tick.max_time, "job_timeout": tick.job_timeout, "queues": list(tick.queues)}
    baked = json.dumps({"url": f"{url.rstrip('/')}{PATH}", "parameters": parameters})
    template = _template().read_text(encoding="utf-8")
    assert template.count(_BLANK) == 1, f"{_template()} has no place for the parameters"
    return template.replace(_BLANK, f"const TICK = {baked};")


def with_address(script: str, url: str) -> str:
    """A release's script for the stack whose app is at ``url``."""
    return script.replace(APP_URL, url.rstrip("/"))


def digest(script: str) -> str:
    """Tells two scripts apart: 12 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(script.encode()).hexdigest()[:12]


def cron(interval: int) -> str:
    """The cron expression for an interval in seconds, which is whole minutes: each hour begins anew."""
    minutes = interval // 60
    return "* * * * *" if minutes == 1 else "0 * * * *" if minutes >= 60 else f"*/{minutes} * * * *"


def _template() -> Path:
    return project_root() / "worker_templates" / "queue-tick.js"

"""The cron Worker's ticks, as its clock on this machine records them."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import UserError
from infra.ops.typed import typed
from infra.provider.local.layout import CRON, Layout
from infra.provider.local.supervision import Supervisor

if TYPE_CHECKING:
    from infra.ops.outputs import Outputs

_MISSED = 2
"""So many intervals after the last tick one counts as missed."""

_PATIENCE = 25.0


@dataclass(frozen=True)
class TickStatus:
    """The last tick. `pass_id`: the pass that it began, or that ran already (`running`); `at` is empty before the
    first. `ago` and `interval` in seconds. `script` tells two scripts apart."""

    at: str
    ago: float
    ok: bool
    status: int
    pass_id: str
    running: bool
    error: str
    interval: int
    missed: bool
    script: str

    def document(self) -> dict[str, Any]:
        """The tick for programs."""
        return asdict(self)


def last_tick(layout: Layout, now: float | None = None) -> TickStatus | None:
    """The last tick of an environment; None where it has no cron Worker."""
    settings = _json(layout.cron / "clock.json")
    if not settings:
        return None
    interval = int(settings["interval"])
    started = (layout.cron / "clock.json").stat().st_mtime
    entry = _last_entry(layout)
    then = datetime.fromisoformat(entry["at"]).timestamp() if entry else started
    ago = max(0.0, (now if now is not None else time.time()) - then)
    return TickStatus(
        at=str(entry.get("at", "")),
        ago=round(ago, 1),
        ok=bool(entry.get("ok")),
        status=int(entry.get("status") or 0),
        pass_id=str(entry.get("pass") or ""),
        running=bool(entry.get("running")),
        error=str(entry.get("error") or ""),
        interval=interval,
        missed=ago > _MISSED * interval,
        script=str(_json(layout.cron / "runtime.json").get("script", ""))[:12],
    )


def tick_now(stack: str, layout: Layout) -> TickStatus:
    """Have the stack's Worker tick now, and wait for what comes of it. Raises `UserError` where no Worker runs."""
    pid = ready_pid(layout)
    before = _last_entry(layout)
    if not pid:
        raise UserError(f"The cron Worker does not run here. To start it, type: {typed(f'up -s {stack}')}")
    os.kill(pid, signal.SIGUSR2)
    deadline = time.monotonic() + _PATIENCE
    while _last_entry(layout) == before:
        if time.monotonic() > deadline:
            raise UserError(
                f"The cron Worker sent no tick within {_PATIENCE:.0f} s. "
                f"To read its log, type: {typed(f'logs {CRON} -s {stack}')}"
            )
        time.sleep(0.05)
    found = last_tick(layout)
    assert found is not None
    return found


def tick_outside(outputs: "Outputs") -> TickStatus:
    """Tick through the app's public address, with the Worker's token; what came of it. The Worker itself, elsewhere,
    can't be made to tick, and a new trigger takes up to 15 minutes to reach it."""
    from infra.checks import CheckFailed, Tick, queue_tick

    try:
        tick = queue_tick(outputs.text("app_url"), outputs.text("internal_queue_token"))
    except CheckFailed as failure:
        tick = Tick(0, {}, str(failure))
    return TickStatus(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        ago=0.0,
        ok=not tick.error,
        status=tick.status,
        pass_id=str(tick.document.get("id", "")),
        running=bool(tick.document.get("running")),
        error=tick.error,
        interval=0,
        missed=False,
        script="",
    )


def ready_pid(layout: Layout) -> int:
    """The clock's process, once its runtime is ready; 0 before."""
    pid = int(_json(layout.cron / "runtime.json").get("pid", 0))
    return pid if pid in {process.pid for process in Supervisor(layout).processes(CRON)} else 0


def _last_entry(layout: Layout) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        entry = json.loads((layout.cron / "ticks.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        return entry if isinstance(entry, dict) else {}
    return {}


def _json(file: Path) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}

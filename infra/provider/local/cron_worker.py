"""``pitchbar:local:CronWorker``: a cron Worker in Cloudflare's own runtime (workerd), with a clock of ours.

``tools/cloudflare/clock.mjs`` runs it. The token is in a file that only that process reads, never in a command line.
"""

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import cron_runtime
from infra.provider.local import layout as folders
from infra.provider.local.layout import CRON, Layout
from infra.provider.local.supervision import Supervisor
from infra.provider.marshal import secret

_START_SECONDS = 30


@dataclass(frozen=True)
class Inputs:
    """``script``: of the Worker. ``url``: the app, the only address that it can reach. ``interval`` in seconds."""

    directory: str
    script: str
    url: str
    interval: int
    cron: str
    token: str = secret()
    ca_certificate: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``script_digest``: the SHA-256 of the script, without the token, which is not in it."""

    script_digest: str = ""
    running: bool = False


class CronWorkerResource(Resource[Inputs, State]):
    """A singleton: made anew, it goes on with the record of its ticks."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})
    determines = frozenset({("script", "script_digest")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        digest = _start(Layout(Path(inputs.directory)), inputs)
        return "cron-worker", extend(State, inputs, script_digest=digest, running=True)

    def read(self, id: str, state: State) -> State | None:
        layout = Layout(Path(state.directory))
        if not layout.cron.is_dir():
            return None
        return replace(state, running=Supervisor(layout).runs_or_starts(CRON))

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        Supervisor(layout).remove(CRON)
        folders.remove(layout.cron)


def _start(layout: Layout, inputs: Inputs) -> str:
    """Have the runtime run this script, in place of what ran before; the script's digest."""
    supervisor, folder = Supervisor(layout), layout.cron
    waiting = cron_runtime.waits(layout)
    if not waiting:
        supervisor.remove(CRON)
        folders.make_folder_of_service(folder)
        (folder / "runtime.json").unlink(missing_ok=True)
        for left in folder.glob("miniflare-*"):
            folders.remove(left)
    authority = _authority(folder, inputs.ca_certificate)
    settings = {"interval": inputs.interval, "cron": inputs.cron, "url": inputs.url, "token": inputs.token}
    folders.write_private(folder / "worker.js", inputs.script, for_service=True)
    folders.write_private(
        folder / cron_runtime.SETTINGS, json.dumps({**settings, "authority": authority}) + "\n", for_service=True
    )
    if not waiting:
        cron_runtime.start(layout)
    digest = hashlib.sha256(inputs.script.encode()).hexdigest()
    for _ in supervisor.wait(_START_SECONDS):
        if _running_script(folder) == digest:
            return digest
        if supervisor.failed(CRON):
            break
    lines = supervisor.last_lines(f"{CRON}-0")
    supervisor.remove(CRON)
    raise UserError(f"The cron Worker didn't start in Cloudflare's runtime. Its last log lines:\n{lines}")


def _authority(folder: Path, certificate: str) -> str:
    """A copy of the gateway's certificate that the Worker's user can read; empty without TLS."""
    if not certificate:
        return ""
    copy = folder / "authority.pem"
    shutil.copyfile(certificate, copy)
    copy.chmod(0o644)
    return str(copy)


def _running_script(folder: Path) -> str:
    """The digest of the script that the runtime is ready to run; empty before it is."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads((folder / "runtime.json").read_text(encoding="utf-8"))["script"])
    return ""

"""``pitchbar:local:CronRuntime``: the process that will run the cron Worker, started before there is anything to run.

Loading Cloudflare's runtime takes longer than deploying a Worker into it, and needs nothing of a release. So it goes on
beside everything else; ``tools/cloudflare/clock.mjs`` then waits for :mod:`~infra.provider.local.cron_worker`.
"""

from dataclasses import dataclass
from pathlib import Path

from infra.provider.base import Resource, extend
from infra.provider.local import layout as folders
from infra.provider.local.layout import CRON, Layout, user_for
from infra.provider.local.supervision import Program, Supervisor
from infra.toolchain import locate

SETTINGS = "clock.json"
"""What the process waits for; it is written last."""


@dataclass(frozen=True)
class Inputs:
    """``directory``: the environment's folder."""

    directory: str


@dataclass(frozen=True)
class State(Inputs):
    """Nothing else: whether it runs is the Worker's to tell."""


class CronRuntimeResource(Resource[Inputs, State]):
    """A singleton: made anew, it leaves alone what runs."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        if not Supervisor(layout).runs_or_starts(CRON):
            start(layout)
        return "cron-runtime", extend(State, inputs)

    def read(self, id: str, state: State) -> State | None:
        return state if Layout(Path(state.directory)).cron.is_dir() else None

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        Supervisor(layout).remove(CRON)
        folders.remove(layout.cron)


def start(layout: Layout) -> None:
    """Start the process in place of one that runs."""
    folder, tools = layout.cron, locate()
    folders.make_folder_of_service(folder)
    command = (str(tools.node), str(tools.cloudflare / "clock.mjs"), str(folder))
    variables = {**dict.fromkeys(("HOME", "TMPDIR"), str(folder)), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    Supervisor(layout).start(Program(CRON, command, folder, variables, stop_timeout=5, user=user_for(tools.node)))


def waits(layout: Layout) -> bool:
    """Whether the process runs and waits for its first Worker."""
    return not (layout.cron / SETTINGS).exists() and Supervisor(layout).runs_or_starts(CRON)

"""Let the processes of an environment on this machine follow the working tree: copy what was edited, restart who uses
it."""

import json
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.endpoints import CheckFailed, http_get, unix_endpoint
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import ProcessInfo, Supervisor
from infra.release import content

PROCESSES = ("app", "worker", "realtime")
_OWN = {"web": "app", "realtime": "realtime"}
"""Folders of the package that one process alone uses."""

_READY_SECONDS = 30
_LISTENING = ("app", "realtime")


@dataclass(frozen=True)
class Restarted:
    """A process after its restart; ``problem`` is empty when it is ready again."""

    process: str
    problem: str


def synchronise(source: Path, copy: Path) -> frozenset[Path]:
    """Make the release in ``copy`` the same as the app in ``source``; return the files that were not."""
    wanted = {path.relative_to(source): path for path in content.files(source)}
    there = {path.relative_to(copy): path for path in content.files(copy)}
    gone = there.keys() - wanted.keys()
    edited = {name for name, path in wanted.items() if name not in there or not _same(path, there[name])}
    for name in gone:
        (copy / name).unlink()
    for name in edited:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wanted[name], copy / name)
    for name in gone | edited:  # Compiled code is known by the second of its source, which is too coarse here.
        for compiled in (copy / name).parent.glob(f"__pycache__/{name.stem}.*.pyc"):
            compiled.unlink()
    return frozenset(gone | edited)


def users_of(changed: Iterable[Path]) -> tuple[str, ...]:
    """The processes that use any of these files."""
    found = {_OWN.get(name.parts[1] if len(name.parts) > 2 else "", "") for name in changed}
    return PROCESSES if "" in found else tuple(process for process in PROCESSES if process in found)


def restart(layout: Layout, release: str, processes: Iterable[str]) -> tuple[Restarted, ...]:
    """Restart a release's processes, at the same time, and wait until they are ready.

    One that does not start is stopped, so that it does not fail again and again until the next edit.
    """
    generations = [folder for folder in layout.services.glob("*-*") if (folder / ACCEPTED).exists()]
    facts = {folder: json.loads((folder / "service.json").read_text(encoding="utf-8")) for folder in generations}
    chosen = {
        folder: fact
        for folder, fact in facts.items()
        if fact["release"] == release and fact["process"] in tuple(processes)
    }
    if not chosen:
        return ()
    with ThreadPoolExecutor(len(chosen)) as pool:
        return tuple(pool.map(lambda folder: _restart(layout, folder, chosen[folder]), _in_order(chosen)))


def _in_order(chosen: Mapping[Path, Mapping[str, object]]) -> list[Path]:
    return sorted(chosen, key=lambda folder: PROCESSES.index(str(chosen[folder]["process"])))


def _restart(layout: Layout, folder: Path, fact: Mapping[str, object]) -> Restarted:
    supervisor = Supervisor(layout)
    process, replicas = str(fact["process"]), int(str(fact["replicas"]))
    supervisor.stop(folder.name)
    supervisor.resume(folder.name)
    listeners = [folder / f"{number}.sock" for number in range(replicas)] if process in _LISTENING else []
    pids: dict[str, int] = {}
    for _ in supervisor.wait(_READY_SECONDS):
        if supervisor.failed(folder.name) or _another(pids, supervisor.processes(folder.name)):
            break
        if all(_answers(listener) for listener in listeners) and (listeners or supervisor.runs(folder.name)):
            return Restarted(process, "")
    else:
        return Restarted(process, f"{process} is not ready after {_READY_SECONDS} s")
    supervisor.stop(folder.name)
    return Restarted(process, f"{process} ended at its start; its last lines say why")


def _another(pids: dict[str, int], processes: Iterable[ProcessInfo]) -> bool:
    """Whether one of the processes is not the one that was seen first: supervisord starts what has ended again at once,
    and where starting takes long, the moment in between is seldom seen."""
    return any(each.pid and pids.setdefault(each.name, each.pid) != each.pid for each in processes)


def _answers(listener: Path) -> bool:
    try:
        return http_get(unix_endpoint(listener), "/ready", timeout=2).status == 200
    except CheckFailed:
        return False


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()

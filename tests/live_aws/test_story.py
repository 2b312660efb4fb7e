"""A staging in a real account: it comes, serves, takes a second release under load, goes back, and goes.

This has never run where the project is built, because there is no account there: everything below it is proven on
doubles, and only this proves load balancer, certificate, scaling, the switch from blue to green, and quotas.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.endpoints import CheckFailed, http_get, url_endpoint
from infra.ops.aws.place import Place
from infra.paths import app_dir, project_root
from tests.live_aws import clearing
from tests.live_aws.left import left
from tests.live_aws.ready import STACK, ready

PITCHBAR = project_root() / ".venv" / "bin" / "pitchbar"
_LOST = 0.002
"""Of the requests under load: none in the cloud, and a machine's own network loses one now and then."""
_GONE_SECONDS = 1800.0


class Load:
    """Five requests a second through the edge, as a visitor sends them."""

    def __init__(self, url: str) -> None:
        self.sent, self.failed = 0, list[str]()
        self._endpoint, self._over = url_endpoint(url), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(0.2):
            self.sent += 1
            try:
                answer = http_get(self._endpoint, "/up", timeout=10)
                if answer.status != 200:
                    self.failed.append(f"{time.strftime('%X')} {answer.status}")
            except CheckFailed as failure:
                self.failed.append(f"{time.strftime('%X')} {failure}")


def pitchbar(*arguments: str, app: Path | None = None, code: int = 0) -> str:
    """Run a command on the stack; what it printed."""
    environ = {**os.environ, **({"PITCHBAR_APP_DIR": str(app)} if app else {})}
    finished = subprocess.run(
        [PITCHBAR, *arguments, "-s", STACK], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    print(finished.stdout, flush=True)
    assert finished.returncode == code, f"pitchbar {' '.join(arguments)} ended with {finished.returncode}"
    return finished.stdout


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Where the stack is; it is taken down in the end, whatever happened."""
    found = ready()
    yield found
    pitchbar("down", "--yes")


@pytest.fixture(scope="module")
def second_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another release: the same app with a comment more."""
    copy = tmp_path_factory.mktemp("second") / "app"
    shutil.copytree(app_dir(), copy, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    with (copy / "pitchbar_app" / "__init__.py").open("a") as stream:
        stream.write("\n# The second release of make live-aws.\n")
    return copy


def running(url: str) -> str:
    """The release that visitors get."""
    return str(json.loads(http_get(url_endpoint(url), "/up", timeout=10).body)["release"])


def test_the_story(place: Place, second_app: Path) -> None:
    """One test, because each step needs the one before."""
    pitchbar("up", "--yes")
    pitchbar("verify")
    pitchbar("status")
    assert pitchbar("logs", "app", "-n", "50").strip()
    first = running(place.app_url)

    with Load(place.app_url) as load:
        pitchbar("up", "--yes", app=second_app)
        second = running(place.app_url)
        pitchbar("rollback", "--yes")
    assert second != first
    assert running(place.app_url) == first
    assert len(load.failed) <= load.sent * _LOST, load.failed
    assert load.sent > 100

    pitchbar("rotate", "queue-token", "--yes")
    pitchbar("retire", "queue-token", "--yes")
    pitchbar("status")

    pitchbar("down", "--yes")
    clearing.remove_kept(place)
    deadline = time.monotonic() + _GONE_SECONDS
    while (rest := left(place)).found and time.monotonic() < deadline:
        time.sleep(30)
    for arn, reason in rest.explained.items():
        print(f"stays: {arn}: {reason}", flush=True)
    assert rest.found == ()

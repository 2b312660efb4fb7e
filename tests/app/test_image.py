"""The app's image, built and run by a real Docker daemon as ECS runs it: an ordinary user without capabilities, on a
read-only root."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import checks
from infra.endpoints import url_endpoint
from infra.targets.aws import authority
from infra.targets.aws.authority import trusting
from tests.app.processes import APP, SECRETS, environment
from tests.support import docker as dockers
from tests.support.docker import BASE, Docker
from tests.support.processes import PATIENCE, wait_until
from tests.support.services import Postgres, Redis, free_port

pytestmark = pytest.mark.skipif(not dockers.available(), reason=dockers.NOT_HERE)

IMAGE, PACKAGES, RELEASE = "pitchbar-tests", "pitchbar-tests-packages", "3f9c2a17d04b"
LARGEST = 150 * 1024**2
"""Bytes that the app may add to its base: the packages of its lock are 90 MB of it."""

_numbers = itertools.count()


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """A daemon with the image; the stage of the packages is kept under a name, because it takes longest."""
    with dockers.daemon() as found:
        arguments = {"BASE_IMAGE": BASE, "RELEASE": RELEASE, "RUNTIME": '{"a": "b"}', "MIGRATION_HEAD": "0009"}
        found.build(APP, PACKAGES, arguments, target="packages")
        found.build(APP, IMAGE, arguments)
        found("image", "prune", "--force")
        yield found


@pytest.fixture(scope="module")
def variables(postgres: Postgres, redis: Redis) -> dict[str, str]:
    """The environment of the containers, on a database of their own."""
    postgres.execute("CREATE DATABASE containers")
    return environment(postgres, redis, "containers") | {"APP_PROCESS": "container"}


class Containers:
    """Runs the image as a task does: as its user, with an init, no capability, a read-only root and a volume for
    /tmp."""

    def __init__(self, docker: Docker, variables: dict[str, str], folder: Path) -> None:
        self.docker = docker
        self._file = folder / "environment"
        kept = {name: value for name, value in variables.items() if name not in ("PATH", "APP_RELEASE")}
        self._file.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))

    def run(self, *command: str, check: bool = True, **changes: str) -> Any:
        """Run one command to its end."""
        return self.docker("run", "--rm", *self._how(), *_said(changes), IMAGE, *command, check=check)

    @contextlib.contextmanager
    def running(self, *command: str, **changes: str) -> Iterator[str]:
        """A container that runs as long as the block lasts; gives its name."""
        name = f"c{next(_numbers)}"
        self.docker("run", "--detach", "--name", name, *self._how(), *_said(changes), IMAGE, *command)
        yield name
        self.docker("stop", "--time", "20", name)
        assert self.docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "0", self.logs(name)

    def logs(self, name: str) -> str:
        """What the container wrote."""
        done = self.docker("logs", name)
        return done.stdout + done.stderr

    def is_healthy(self, name: str, what: str) -> bool:
        """Whether the check that ECS makes inside the container passes."""
        return bool(
            self.docker("exec", name, "python", "-m", "pitchbar_app", "healthy", what, check=False).returncode == 0
        )

    def _how(self) -> list[str]:
        closed = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--init"]
        return ["--network", "host", *closed, "--env-file", str(self._file)]


def _said(variables: dict[str, str]) -> list[str]:
    return [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]


@pytest.fixture(scope="module")
def containers(docker: Docker, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Containers:
    """The database is at the newest revision, brought there by the image."""
    made = Containers(docker, variables, tmp_path_factory.mktemp("image"))
    migrated = json.loads(made.run("python", "-m", "pitchbar_app", "migrate").stdout)
    assert migrated["from"] is None and migrated["to"]
    return made


def test_what_the_image_is(docker: Docker) -> None:
    [image] = json.loads(docker("image", "inspect", IMAGE).stdout)
    [base] = json.loads(docker("image", "inspect", BASE).stdout)
    config = image["Config"]
    assert image["Size"] - base["Size"] < LARGEST
    assert config["User"] == "10001:10001"
    assert list(config["Volumes"]) == ["/tmp"]
    assert {name: value for name, value in config["Labels"].items() if name.startswith("com.pitchbar.")} == {
        "com.pitchbar.release": RELEASE,
        "com.pitchbar.migration-head": "0009",
        "com.pitchbar.runtime": '{"a": "b"}',
    }
    assert config["Labels"]["org.opencontainers.image.version"] == RELEASE
    assert config["Entrypoint"] is None and config["Cmd"][:4] == ["python", "-m", "pitchbar_app", "web"]


def test_what_it_may_do(containers: Containers) -> None:
    asked = containers.run(
        "sh",
        "-c",
        "id -u; touch /tmp/x && echo written; touch /x /opt/pitchbar/x; grep CapEff /proc/self/status",
        check=False,
    )
    assert asked.stdout.split() == ["10001", "written", "CapEff:", "0" * 16]
    assert asked.stderr.count("Read-only file system") == 2


def test_it_keeps_the_certificate_of_the_databases_authority(containers: Containers) -> None:
    read = trusting(["python", "-c", "import os; print(open(os.environ['PGSSLROOTCERT']).read())"])
    assert containers.run(*read, DB_AUTHORITY="PEM", PGSSLROOTCERT=authority.FILE).stdout == "PEM\n"


def test_it_has_nothing_to_build_or_install_with(containers: Containers) -> None:
    found = containers.run(
        "sh", "-c", "command -v gcc cc make pip pip3 || python -m pip; ls /opt/pitchbar/app/pitchbar_app", check=False
    )
    assert "No module named pip" in found.stderr
    assert "__pycache__" in found.stdout and "gcc" not in found.stdout
    script = containers.run(
        "python", "-c", "from pitchbar_app.web.widget import bundle; print(len(bundle().encoded['br']))"
    )
    assert int(script.stdout) > 1000


def test_every_server_runs_and_is_healthy(containers: Containers) -> None:
    """Web, realtime server and worker together carry a canary job through, and stop in peace when they are asked to."""
    web, realtime = free_port(), free_port()
    app, sockets = url_endpoint(f"http://127.0.0.1:{web}"), url_endpoint(f"ws://127.0.0.1:{realtime}")
    start = ("python", "-m", "pitchbar_app")
    with (
        containers.running(*start, "web", "--listen", f"127.0.0.1:{web}"),
        containers.running(*start, "realtime", "--listen", f"127.0.0.1:{realtime}") as listening,
        containers.running(*start, "worker", HEARTBEAT_FILE="/tmp/worker", CANARY_QUEUE="canary-image") as worker,
    ):
        wait_until(lambda: answer(web, "/ready")[0] == 200, "the web server is ready")
        assert answer(web, "/up")[1]["release"] == RELEASE
        address = f"http://127.0.0.1:{realtime}/ready"
        wait_until(lambda: containers.is_healthy(listening, address), "the realtime server is healthy")
        wait_until(lambda: containers.is_healthy(worker, "worker"), "the worker is healthy")
        token = SECRETS["INTERNAL_QUEUE_TOKEN"]
        checks.canary_round_trip(
            app, sockets, queue="canary-image", release=RELEASE, token=token, key="public-key", seconds=PATIENCE
        )


@pytest.mark.parametrize("command", [["queue-metrics"], ["audit-vectors", "--json"]])
def test_commands_print_json(containers: Containers, command: list[str]) -> None:
    assert json.loads(containers.run("python", "-m", "pitchbar_app", *command).stdout)


def test_a_pass_over_the_queues(containers: Containers) -> None:
    containers.run("python", "-m", "pitchbar_app", "queue:tick", "--max-time", "1")


def answer(port: int, path: str) -> tuple[int, Any]:
    """What a container that listens says; 0 while it doesn't."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except OSError:
            return 0, None

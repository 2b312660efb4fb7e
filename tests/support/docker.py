"""A Docker daemon of the tests' own, from what set-up unpacked: private socket, private data, nothing left running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infra import toolchain
from infra.building import exclusive
from tests.support.processes import PATIENCE, wait_until

BASE = "pitchbar-tests-base"
NOT_HERE = (
    "there is no Docker for tests here: set-up unpacks it when it is run by root on Debian. To see this test run, type "
    "`make setup-dev` there."
)


def available() -> bool:
    """Whether set-up could have it."""
    return toolchain.recorded().get("docker") is not None


@dataclass(frozen=True)
class Docker:
    """The command line of one daemon."""

    folder: Path
    socket: Path

    def __call__(self, *words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run one command of `docker`."""
        done = subprocess.run(
            [str(self.folder / "bin" / "docker"), *words],
            env=environment(self.folder) | {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"},
            check=False,
            capture_output=True,
            text=True,
            **more,
        )
        assert not check or done.returncode == 0, f"docker {' '.join(words)}:\n{done.stdout[-3000:]}{done.stderr}"
        return done

    def build(self, context: Path, tag: str, arguments: Mapping[str, str], *, target: str = "") -> None:
        """Build an image, with the network of this machine."""
        said = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        stage = ["--target", target] if target else []
        self("build", "--network", "host", "--tag", tag, *said, *stage, str(context))


def environment(folder: Path) -> dict[str, str]:
    """What the programs need to find each other and their libraries."""
    libraries = f"{folder / 'lib'}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
    return {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LD_LIBRARY_PATH": libraries}


@contextlib.contextmanager
def daemon() -> Iterator[Docker]:
    """A running daemon that has the base image. Its data stay in the cache for the next time; one uses them at once."""
    folder = Path(str(toolchain.recorded()["docker"]))
    data = toolchain.cache_home() / "docker-data"
    with exclusive(data.with_name(".docker-data.lock")), tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        docker = Docker(folder, Path(place) / "docker.sock")
        process = _start(docker, data, Path(place))
        try:
            if docker("image", "inspect", BASE, check=False).returncode:
                change = "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
                docker("import", "--change", change, str(folder / "base.tar"), BASE)
            yield docker
        finally:
            _remove_containers(docker)
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
            _unmount(Path(place))


def _start(docker: Docker, data: Path, place: Path) -> subprocess.Popen[bytes]:
    """Start it; once more with no data where those of an interrupted run keep it from starting."""
    for attempt in (1, 2):
        log = place / f"dockerd-{attempt}.log"
        process = _launch(docker, data, place, log)
        with contextlib.suppress(AssertionError):
            wait_until(partial(_settled, process, docker), "dockerd answers", PATIENCE)
            if process.poll() is None:
                return process
        process.kill()
        process.wait()
        if attempt == 1:
            shutil.rmtree(data, ignore_errors=True)
    raise AssertionError(f"dockerd does not start: {log.read_text()[-2000:]}")


def _launch(docker: Docker, data: Path, place: Path, log: Path) -> subprocess.Popen[bytes]:
    options = {
        "--host": f"unix://{docker.socket}",
        "--data-root": str(data),
        "--exec-root": str(place / "exec"),
        "--pidfile": str(place / "pid"),
        "--bridge": "none",
    }
    off = ("--iptables=false", "--ip-masq=false", "--ip-forward=false", "--userland-proxy=false")
    words: Sequence[str] = [word for pair in options.items() for word in pair]
    with log.open("wb") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", str(docker.folder / "bin" / "dockerd"), *words, *off],
            env=environment(docker.folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _settled(process: subprocess.Popen[bytes], docker: Docker) -> bool:
    return process.poll() is not None or _answers(docker)


def _answers(docker: Docker) -> bool:
    return docker.socket.exists() and docker("version", check=False).returncode == 0


def _unmount(place: Path) -> None:
    """The daemon leaves the network namespace of its containers mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        if line.split()[1].startswith(f"{place}/"):
            subprocess.run(["umount", "--lazy", line.split()[1]], check=True)


def _remove_containers(docker: Docker) -> None:
    found = docker("ps", "--all", "--quiet", check=False).stdout.split()
    if found:
        docker("rm", "--force", "--volumes", *found, check=False)

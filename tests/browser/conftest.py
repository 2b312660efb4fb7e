"""A real browser, the app's real pages and realtime server, and a double where the visitor's question goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from infra import toolchain
from tests.app.conftest import folder, migrated, postgres, redis
from tests.app.processes import APP, environment, publish
from tests.support import services
from tests.support.answers_double import Double, double
from tests.support.processes import PATIENCE
from tests.support.services import Postgres, Redis

__all__ = ["folder", "migrated", "postgres", "redis"]

expect.set_options(timeout=1000 * PATIENCE)

_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = os.environ.get("PITCHBAR_SCREENSHOTS")
"""A folder to keep the pictures in; `make screenshots` sets it to docs/images."""


@dataclass
class Server:
    """One server of the app on a port, which a test can end and start again."""

    command: str
    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = [str(toolchain.app_python(APP / "requirements.txt")), "-m", "pitchbar_app", self.command]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*program, "--listen", f"127.0.0.1:{self.port}"],
                cwd=APP,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        services.wait_for_port(self.port, self.process, self.log)

    def stop(self) -> None:
        """SIGTERM: clients are asked to come back."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)


@dataclass
class Stage:
    """Everything that a visitor meets."""

    web: Server
    realtime: Server
    double: Double

    @property
    def pages(self) -> str:
        """The origin of the app's pages."""
        return f"http://app.localhost:{self.web.port}"

    @property
    def script(self) -> str:
        """The address that a site writes into its page."""
        return f"http://cdn.localhost:{self.web.port}/widget/widget.js"


@dataclass
class Visit:
    """A page in the browser, with what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def picture(self, name: str) -> None:
        """Take a picture, which is kept where somebody asked for it."""
        image = self.page.screenshot(animations="disabled")
        if SCREENSHOTS:
            Path(SCREENSHOTS, f"{name}.png").write_bytes(image)


@pytest.fixture(scope="session")
def stage(folder: Path, postgres: Postgres, redis: Redis, migrated: str) -> Iterator[Stage]:
    ports = {"web": services.free_port(), "realtime": services.free_port()}
    with double(lambda channel, name, data: publish(redis, channel, name, data)) as answers:
        known = environment(postgres, redis, migrated) | {
            "APP_URL": answers.origin,
            "WIDGET_URL": f"http://cdn.localhost:{ports['web']}/widget/widget.js",
            "REVERB_PORT": str(ports["realtime"]),
        }
        web, realtime = (Server(name, ports[name], known, folder / f"browser-{name}.log") for name in ports)
        with contextlib.ExitStack() as ends:
            for server in (web, realtime):
                ends.callback(server.kill)
                server.start()
            yield Stage(web, realtime, answers)


@pytest.fixture
def answers(stage: Stage) -> Iterator[Double]:
    """The double with its usual answer; its gate is open."""
    usual = Double(stage.double.publish)
    for name in ("parts", "links", "status", "streams", "gate", "asked"):
        setattr(stage.double, name, getattr(usual, name))
    stage.double.gate.set()
    yield stage.double
    stage.double.gate.set()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    program = toolchain.recorded().get("chromium")
    assert program, "There is no browser for these tests. Type: make setup-dev"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    started = playwright.chromium.launch(executable_path=program, args=[*sandbox, *_QUIET])
    yield started
    started.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """A fresh visitor, in the test's colour scheme where it has one."""
    dark = "scheme" in request.fixturenames and request.getfixturevalue("scheme") == "dark"
    context = browser.new_context(color_scheme="dark" if dark else "light", viewport={"width": 960, "height": 680})
    context.set_default_timeout(1000 * PATIENCE)
    made = Visit(context.new_page())
    made.page.on("console", lambda said: made.complaints.append(said.text) if said.type == "error" else None)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    context.close()

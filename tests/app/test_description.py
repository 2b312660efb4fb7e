"""The API answers whatever is asked of it as its OpenAPI document says: schemathesis asks, some 450 times."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from infra.endpoints import http_post, url_endpoint
from infra.toolchain import app_python
from tests.app.processes import APP, SECRETS, Launcher
from tests.support import services
from tests.support.processes import PATIENCE
from tests.support.services import Redis

SETTINGS = Path(__file__).with_name("schemathesis.toml")


@contextlib.contextmanager
def serving(app: Launcher, code: Path = APP) -> Iterator[str]:
    """The address of a web process on a port, with the app's code from a folder."""
    port, log = services.free_port(), app.folder / "web.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(app_python(APP / "requirements.txt")), "-m", "pitchbar_app", "web", "--listen", f"127.0.0.1:{port}"],
            cwd=code,
            env=app.environment | {"ANSWERS_PER_MINUTE": "100000"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        services.wait_for_port(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(PATIENCE)


@contextlib.contextmanager
def unlimited_sign_ins(redis: Redis) -> Iterator[None]:
    """Forget wrong passwords again and again, so that more than the limit's first ten requests get to the password."""
    ended = threading.Event()
    client = hashlib.sha256(b"127.0.0.1").hexdigest()[:16]

    def forget() -> None:
        while not ended.wait(0.05):
            redis.execute("DEL", "pitchbar:limit:sign-in:all", f"pitchbar:limit:sign-in:{client}")

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def ask(app: Launcher, address: str, *options: str) -> tuple[int, str]:
    """Have schemathesis ask everything, with a token; its exit code and its report."""
    made = http_post(
        url_endpoint(address), "/api/v1/tokens", {"password": SECRETS["ADMIN_PASSWORD"], "name": "x"}, timeout=PATIENCE
    )
    token = json.loads(made.body)["token"]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run", *options]
    done = subprocess.run(
        [*command, f"{address}/api/openapi.json", "--url", address, "-H", f"Authorization: Bearer {token}"],
        cwd=app.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_answer_is_one_that_the_description_tells(app: Launcher, redis: Redis) -> None:
    with serving(app) as address, unlimited_sign_ins(redis):
        code, report = ask(app, address)
    assert code == 0, report
    assert "Tested: 7" in report, report


def test_an_answer_that_is_not_would_be_found(app: Launcher, tmp_path: Path) -> None:
    code = tmp_path / "app"
    shutil.copytree(APP / "pitchbar_app", code / "pitchbar_app", ignore=shutil.ignore_patterns("__pycache__"))
    for module, right, wrong in (
        ("api", "found = await services.stored(sources.newest)", "raise RuntimeError('broken on purpose')"),
        ("answers", "JSONResponse(_document(answer_id, question, found)", "JSONResponse({'id': 7}"),
    ):
        path = code / "pitchbar_app" / "web" / f"{module}.py"
        assert path.read_text().count(right) == 1
        path.write_text(path.read_text().replace(right, wrong))
    with serving(app, code) as address:
        names = ("listSources", "answer")
        status, report = ask(
            app, address, "--phases", "coverage", *(f"--include-operation-id={name}" for name in names)
        )
    assert status == 1, report
    assert "[500] Internal Server Error" in report, report
    assert "Response violates schema" in report, report

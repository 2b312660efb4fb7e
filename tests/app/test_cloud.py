"""What the app does where it runs in a cloud: TLS to Redis and Postgres, proxies before it, and questions whether it is
well."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.processes import Launcher
from tests.support.processes import PATIENCE, wait_until
from tests.support.services import Redis, free_port
from tests.support.tls import Authority, front

VISITOR, CLOUDFLARE = "198.51.100.7", "173.245.48.9"
PROXIES = "127.0.0.1,173.245.48.0/20"


AUTHORITY = Authority("Redis' own")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of who signs Redis'."""
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    path.write_text(AUTHORITY.pem)
    return path


@pytest.fixture
def encrypted(redis: Redis, tmp_path: Path) -> Iterator[int]:
    """A port that speaks TLS and leads to Redis."""
    with front(AUTHORITY.issue("localhost", tmp_path / "redis.pem"), redis.port) as port:
        yield port


def test_redis_over_tls_by_every_process(app: Launcher, encrypted: int, certificate: Path) -> None:
    """The web process asks for a job, the worker runs it, and the realtime server tells of it."""
    app.environment |= {
        "REDIS_SCHEME": "tls",
        "REDIS_HOST": "localhost",
        "REDIS_PORT": str(encrypted),
        "SSL_CERT_FILE": str(certificate),
    }
    app.start("worker")
    for process in (app.start("web"), app.start("realtime")):
        process.wait_until("/ready")
    done = app.run("queue-metrics")
    assert (done.returncode, '"total"' in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("trusted", [True, False])
def test_redis_over_tls_must_show_a_certificate_for_its_host(
    app: Launcher, encrypted: int, certificate: Path, trusted: bool
) -> None:
    wrong = {"REDIS_HOST": "127.0.0.1", "SSL_CERT_FILE": str(certificate)} if trusted else {"REDIS_HOST": "localhost"}
    done = app.run("queue-metrics", REDIS_SCHEME="tls", REDIS_PORT=str(encrypted), **wrong)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr


def test_postgres_is_asked_for_tls(app: Launcher) -> None:
    done = app.run("migrate", DB_SSLMODE="require")
    assert done.returncode == 1
    assert "server does not support SSL, but SSL was required" in done.stderr


def test_malformed_settings_of_the_cloud_are_refused(app: Launcher) -> None:
    wrong = {"DB_SSLMODE": "yes", "REDIS_SCHEME": "https", "TRUSTED_PROXIES": "10.0.0.0/8,proxy"}
    done = app.run("web", "--listen", "127.0.0.1:0", **wrong)
    assert done.stderr.splitlines() == [
        "TRUSTED_PROXIES is '10.0.0.0/8,proxy': it must be IP addresses and networks with commas between them, for "
        "example 10.0.0.0/8,192.0.2.1, or * for every peer.",
        "DB_SSLMODE is 'yes': it must be one of disable, allow, prefer, require, verify-ca, verify-full.",
        "REDIS_SCHEME is 'https': it must be one of tcp, tls.",
    ]


def test_limits_count_the_visitor_whom_trusted_proxies_name(app: Launcher) -> None:
    """What a visitor writes into the header himself stands before what the proxies add to it."""
    port = free_port()
    web = app.start_on(port, "web", TRUSTED_PROXIES=PROXIES, ANSWERS_PER_MINUTE="3")

    def ask(said: str, visitor: str = VISITOR) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            headers = {"x-forwarded-for": f"{said}, {visitor}, {CLOUDFLARE}"}
            connection.request("POST", "/api/v1/answers", '{"question": "Why?"}', headers)
            return connection.getresponse().status

    answers = [ask(f"203.0.113.{number}") for number in range(4)]
    assert answers == [200, 200, 200, 429], web.output
    assert ask("203.0.113.99", "198.51.100.8") == 200


def test_a_worker_gives_signs_of_life(app: Launcher, tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    app.environment |= {"HEARTBEAT_FILE": str(sign), "QUEUE_LEASE": "6"}
    early = app.run("healthy", "worker")
    assert (early.returncode, early.stderr) == (1, "The worker has not given a sign of life yet.\n")
    app.start("worker")
    wait_until(sign.exists, "a first sign of life")
    assert app.run("healthy", "worker").returncode == 0
    os.utime(sign, (0, 0))
    wait_until(lambda: time.time() - sign.stat().st_mtime < 30, "another sign of life")


def test_a_worker_that_hangs_is_unwell(app: Launcher, tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    sign.touch()
    os.utime(sign, (time.time() - 100, time.time() - 100))
    done = app.run("healthy", "worker", HEARTBEAT_FILE=str(sign))
    assert done.returncode == 1
    assert done.stderr.startswith("The worker gave its last sign of life 1")


def test_a_listener_is_well_when_it_answers_200(app: Launcher) -> None:
    port = free_port()
    app.start_on(port, "web")
    assert app.run("healthy", f"http://127.0.0.1:{port}/ready").returncode == 0
    wrong = app.run("healthy", f"http://127.0.0.1:{port}/nowhere")
    assert (wrong.returncode, wrong.stderr) == (1, f"http://127.0.0.1:{port}/nowhere answers 404.\n")
    nobody = app.run("healthy", f"http://127.0.0.1:{free_port()}/ready")
    assert nobody.returncode == 1 and "does not answer: ConnectionRefusedError" in nobody.stderr

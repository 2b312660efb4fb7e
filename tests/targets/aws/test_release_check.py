"""What looks at a release before visitors come to it: the function on a real HTTPS server, and what it may reach."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.edge.cache import WIDGET
from infra.targets.aws.probe import release
from infra.targets.aws.release_check import CODE
from tests.support.aws.compute import LOAD_BALANCER, RELEASE, compute
from tests.support.aws.program import STACKS, program
from tests.support.engine import Recording, Registered
from tests.support.services import free_port
from tests.support.tls import Authority
from tests.targets.aws.test_tasks import EGRESS, SERVICE, granted, named

HOST, AUTHORITY = "app.pitchbar.example", Authority("Amazon's")
FUNCTION = "aws:lambda/function:Function"
Answers = dict[str, tuple[int, object]]
GOOD: Answers = {"/ready": (200, {}), WIDGET: (200, {}), "/up": (200, {"release": RELEASE})}


class TestListener(ThreadingHTTPServer):
    """Answers as it is told, and notes for whom it was asked."""

    __test__ = False
    daemon_threads = True

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers, self.hosts = answers, set[str]()


class Answering(BaseHTTPRequestHandler):
    server: TestListener

    def do_GET(self) -> None:
        self.server.hosts.add(self.headers["Host"])
        status, body = self.server.answers.get(self.path, (404, ""))
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The function's, which gives up at the first failure and trusts that authority only."""
    (tmp_path / "authority.pem").write_text(AUTHORITY.pem)
    wanted = {"ADDRESS": "127.0.0.1", "HOST": HOST, "PAGES": f"/ready,{WIDGET}", "RELEASE_PATH": "/up", "PORT": "0"}
    for name, value in {**wanted, "SSL_CERT_FILE": str(tmp_path / "authority.pem")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(release, "PATIENCE", 0.0)
    return monkeypatch


@contextlib.contextmanager
def listening(environ: pytest.MonkeyPatch, folder: Path, answers: Answers, host: str = HOST) -> Iterator[TestListener]:
    server = TestListener(answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(AUTHORITY.issue(host, folder / f"{host}.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    environ.setenv("PORT", str(server.server_port))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def called(details: Mapping[str, object] | None = None) -> str:
    """What ECS is told."""
    event = {"lifecycleStage": "POST_TEST_TRAFFIC_SHIFT", "executionDetails": {"testTrafficWeights": {}}}
    given = {"release": RELEASE} if details is None else details
    answer = release.handle({**event, "hookDetails": given}, None)
    assert answer.keys() == {"hookStatus"}
    return answer["hookStatus"]


def test_a_release_that_answers_as_it_should_gets_its_visitors(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with listening(environ, tmp_path, GOOD) as server:
        assert called() == "SUCCEEDED"
    assert server.hosts == {HOST}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"/ready": (503, {"database": "away"})}, "/ready answers 503."),
        ({WIDGET: (404, "")}, f"{WIDGET} answers 404."),
        ({"/up": (200, {"release": "another"})}, "the test listener leads to release another."),
        ({"/up": (200, {"status": "up"})}, "the test listener leads to release None."),
        ({"/up": (502, b"<html>")}, "/up answers 502."),
        ({"/up": (200, b"<html>")}, f"{HOST} at 127.0.0.1:PORT: JSONDecodeError: "),
        ({"/up": (200, b"[]")}, f"{HOST} at 127.0.0.1:PORT: AttributeError: "),
    ],
)
def test_any_other_gets_none_and_the_log_says_why(
    environ: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: Answers,
    reason: str,
) -> None:
    with listening(environ, tmp_path, {**GOOD, **changes}) as server:
        assert called() == "FAILED"
        said = reason.replace("PORT", str(server.server_port))
    assert f"Release {RELEASE} gets no visitors: {said}" in capsys.readouterr().out


def test_a_release_gets_time_until_the_load_balancer_leads_to_it(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: Answers = {**GOOD, "/up": (200, {"release": "the one before"})}
    environ.setattr(release, "PATIENCE", 60.0)
    environ.setattr("infra.targets.aws.probe.release.time.sleep", lambda seconds: answers.update(GOOD))
    with listening(environ, tmp_path, answers):
        assert called() == "SUCCEEDED"


def test_the_certificate_must_be_the_apps(
    environ: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(environ, tmp_path, GOOD, host="other.example"):
        assert called() == "FAILED"
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().out


def test_nobody_there_is_a_failure(environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environ.setenv("PORT", str(free_port()))
    assert called() == "FAILED"
    assert "ConnectionRefusedError" in capsys.readouterr().out


def test_one_who_doesnt_answer_is_a_failure(
    environ: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.setattr(release, "TIMEOUT", 0.2)
    waiting = threading.Event()
    environ.setattr(Answering, "do_GET", lambda self: waiting.wait(30))
    with listening(environ, tmp_path, GOOD):
        assert called() == "FAILED"
        waiting.set()
    assert "TimeoutError" in capsys.readouterr().out


@pytest.mark.parametrize("details", [{}, {"release": ""}])
def test_without_a_release_nothing_is_let_through(environ: pytest.MonkeyPatch, details: dict[str, object]) -> None:
    assert called(details) == "FAILED"


def test_another_image_is_asked_only_whether_it_is_ready(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ.setenv("PAGES", "/ready")
    environ.setenv("RELEASE_PATH", "")
    with listening(environ, tmp_path, {"/ready": (200, b"ok")}):
        assert called() == "SUCCEEDED"


def function(recording: Recording) -> Registered:
    [found] = [each for each in recording.of(FUNCTION) if each.name == "release-check"]
    return found


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_ecs_calls_it_with_the_release_before_visitors_come(environment: str) -> None:
    recording = compute(environment)
    app = named(recording, SERVICE, "app")
    [hook] = app.inputs["deploymentConfiguration"]["lifecycleHooks"]
    assert hook["lifecycleStages"] == ["POST_TEST_TRAFFIC_SHIFT"]
    assert json.loads(hook["hookDetails"]) == {"release": RELEASE}
    assert {function(recording).urn, named(recording, "aws:iam/role:Role", "release-check-caller").urn} <= (
        recording.needs(app.urn)
    )
    assert granted(recording, "release-check-caller") == {("lambda:InvokeFunction", hook["hookTargetArn"])}


def test_the_function_reaches_the_test_listener_and_nothing_else() -> None:
    recording = compute("production")
    found = function(recording)
    assert found.inputs["environment"]["variables"] == {
        "ADDRESS": LOAD_BALANCER.dns_name,
        "PORT": "8443",
        "HOST": "app.pitchbar.example",
        "PAGES": f"/ready,{WIDGET}",
        "RELEASE_PATH": "/up",
    }
    assert found.inputs["timeout"] > release.PATIENCE + 4 * release.TIMEOUT
    assert found.inputs["handler"] == "handler.handle" and CODE.name == "release.py"
    group = named(recording, "aws:ec2/securityGroup:SecurityGroup", "release-check").urn
    ways = [way for way in recording.of(EGRESS) if group in way.dependencies]
    assert [(way.inputs["cidrIpv4"], way.inputs["fromPort"], way.inputs["toPort"]) for way in ways] == [
        ("0.0.0.0/0", 8443, 8443)
    ]
    assert {ways[0].urn} <= recording.needs(found.urn)
    actions = {action.partition(":")[0] for action, _ in granted(recording, "release-check")}
    assert actions == {"ec2", "kms", "logs"}


@pytest.mark.parametrize("stack", STACKS)
def test_it_is_there_where_releases_are_switched(stack: str) -> None:
    there = [each.name for each in program(stack).of(FUNCTION)]
    assert ("release-check" in there) is (stack in ("staging", "production"))

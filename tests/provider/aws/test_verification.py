"""The proof of a roll-out: what ECS runs, then what a visitor would ask. ECS' answers are stubbed, in AWS' shapes;
the environment is a stand-in on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from infra import checks
from infra.edge import limits
from infra.endpoints import Response
from infra.errors import UserError
from infra.provider.aws import first_tick, session, verification
from infra.provider.aws.first_tick import FirstTickResource
from infra.provider.aws.first_tick import Inputs as TickInputs
from infra.provider.aws.verification import Inputs, VerificationResource
from tests.ops.standin import KEY, TOKEN, Release, running

REGION = "us-east-1"
CLUSTER = f"arn:aws:ecs:{REGION}:123456789012:cluster/pitchbar"
NAMES = ("app", "realtime", "worker")
SERVICES = {name: f"arn:aws:ecs:{REGION}:123456789012:service/pitchbar/{name}" for name in NAMES}


def definition(name: str, number: int) -> str:
    return f"arn:aws:ecs:{REGION}:123456789012:task-definition/{name}:{number}"


def service(name: str, number: int = 2, state: str = "COMPLETED", running: int = 2, **more: Any) -> dict[str, Any]:
    primary = {
        "status": "PRIMARY",
        "taskDefinition": definition(name, number),
        "desiredCount": 2,
        "runningCount": running,
        "rolloutState": state,
        **more,
    }
    return {"serviceArn": SERVICES[name], "serviceName": name, "status": "ACTIVE", "deployments": [primary]}


def answer(**changed: dict[str, Any]) -> dict[str, Any]:
    return {"services": [changed.get(name, service(name)) for name in NAMES], "failures": []}


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(verification, "_POLL_SECONDS", 0.01)
    session.client.cache_clear()
    with Stubber(session.client("ecs", REGION)) as stub:
        yield stub
        stub.assert_no_pending_responses()
    session.client.cache_clear()


@pytest.fixture(scope="module")
def serving() -> Iterator[Release]:
    with running(Release()) as release:
        yield release


@pytest.fixture
def release(serving: Release) -> Iterator[Release]:
    """The stand-in, whole again after each test."""
    yield serving
    serving.broken.clear()


def inputs(serving: Release, timeout: int = 0, **changes: Any) -> Inputs:
    outputs = serving.outputs()
    given: dict[str, Any] = {
        "region": REGION,
        "release": "r1",
        "cluster": CLUSTER,
        "services": {arn: definition(name, 2) for name, arn in SERVICES.items()},
        "app_url": outputs["app_url"],
        "realtime_url": outputs["realtime_url"],
        "canary_queue": "canary-r1",
        "timeout": timeout,
        "realtime_key": KEY,
        "queue_token": TOKEN,
        **changes,
    }
    return Inputs(**given)


def refusal(given: Inputs) -> str:
    with pytest.raises(UserError) as refused:
        VerificationResource().create(given)
    return str(refused.value)


def test_a_release_that_runs_and_serves_is_verified(release: Release, ecs: Stubber) -> None:
    ecs.add_response("describe_services", answer())
    id, state = VerificationResource().create(inputs(release))
    assert (id, state.verified) == ("verification", "r1")


def test_it_waits_for_the_roll_out(release: Release, ecs: Stubber) -> None:
    ecs.add_response("describe_services", answer(worker=service("worker", state="IN_PROGRESS", running=1)))
    ecs.add_response("describe_services", answer())
    assert VerificationResource().create(inputs(release, timeout=20))[1].verified == "r1"


def test_a_way_back_of_the_circuit_breaker_that_looks_like_success_is_refused(release: Release, ecs: Stubber) -> None:
    taken_back = {**service("app", number=1), "events": [event("(service app) rolled back to app:1.")]}
    ecs.add_response("describe_services", answer(app=taken_back))
    assert refusal(inputs(release, timeout=20)) == (
        "ECS took the roll-out of release r1 back: service app runs app:1 instead of app:2. Its last events: (service "
        "app) rolled back to app:1. The release before it still serves. Run `pitchbar logs` to see why."
    )


def test_a_failed_roll_out_is_refused_at_once_with_ecs_reason(release: Release, ecs: Stubber) -> None:
    failed = service("worker", state="FAILED", rolloutStateReason="tasks failed to start")
    ecs.add_response("describe_services", answer(worker=failed))
    assert refusal(inputs(release, timeout=20)) == (
        "The roll-out of release r1 failed: service worker has no steady tasks (tasks failed to start). "
        "The release before it still serves. Run `pitchbar logs` to see why."
    )


def test_a_roll_out_that_does_not_end_is_refused(release: Release, ecs: Stubber) -> None:
    ecs.add_response("describe_services", answer(app=service("app", state="IN_PROGRESS", running=1)))
    assert refusal(inputs(release)) == (
        "Release r1 is not rolled out after 0 s: Service app has 1 of 2 tasks of app:2 (IN_PROGRESS). "
        "To go back to the release before it, type: `pitchbar rollback`."
    )


def test_a_service_that_is_gone_is_named(release: Release, ecs: Stubber) -> None:
    ecs.add_response("describe_services", {"services": answer()["services"][:2], "failures": []})
    assert refusal(inputs(release)) == (
        f"The roll-out of release r1: the cluster has no running service {SERVICES['worker']}. "
        "Run `pulumi up --refresh`."
    )


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("not-ready", "answered 503, not 'ready': database: Postgres refuses the connection"),
        ("open-canary", "without a token answered 202 instead of 401."),
        ("worker-fails", "The canary job on queue 'canary-r1' failed"),
        ("any-key", "answered an unknown key with"),
    ],
)
def test_a_release_that_runs_but_does_not_serve_is_refused(
    broken: str, reason: str, release: Release, ecs: Stubber
) -> None:
    release.broken.add(broken)
    ecs.add_response("describe_services", answer())
    said = refusal(inputs(release))
    assert said.startswith("Release r1 runs, but does not serve: ")
    assert reason in said
    assert said.endswith("To go back to the release before it, type: `pitchbar rollback`.")


def test_another_release_behind_the_load_balancer_is_refused(release: Release, ecs: Stubber) -> None:
    ecs.add_response("describe_services", answer())
    assert "is answered by release r1, not by r2." in refusal(inputs(release, release="r2"))


def test_an_image_without_canary_jobs_is_asked_for_none(release: Release, ecs: Stubber) -> None:
    release.broken |= {"worker-fails", "open-canary"}
    ecs.add_response("describe_services", answer())
    assert VerificationResource().create(inputs(release, canary_queue=""))[1].verified == "r1"


def test_the_first_tick_gives_the_pass_that_it_began(release: Release) -> None:
    given = TickInputs(release.outputs()["app_url"], "0123456789ab", "r1", TOKEN)
    id, state = FirstTickResource().create(given)
    assert (id, state.pass_id) == ("first-tick", "the-pass")


@pytest.mark.parametrize(
    ("token", "broken", "reason"),
    [("wrong", set(), "answered 401 instead of 202"), (TOKEN, {"tick"}, "answered 202 without the id of a pass")],
)
def test_a_tick_that_the_app_does_not_take_is_refused(
    token: str, broken: set[str], reason: str, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_tick, "_SECONDS", 0.0)
    release.broken |= broken
    url = release.outputs()["app_url"]
    with pytest.raises(UserError) as refused:
        FirstTickResource().create(TickInputs(url, "0123456789ab", "r1", token))
    assert str(refused.value) == (
        f"The first tick was refused: POST {url}/api/v1/internal/queue-tick {reason}. "
        "Run `pitchbar deploy-cron-worker`."
    )


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_tick_that_is_refused_is_repeated_within_the_edges_limit(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked = Clock(), []
    monkeypatch.setattr(checks, "time", clock)

    def answer(*_: Any, **__: Any) -> Response:
        asked.append(clock.now)
        return Response(503, {}, b"")

    monkeypatch.setattr(checks, "http_post", answer)
    with pytest.raises(UserError):
        FirstTickResource().create(TickInputs("https://app.example", "0123456789ab", "r1", TOKEN))
    assert len(asked) > 10
    assert max(sum(at <= other < at + limits.SECONDS for other in asked) for at in asked) <= limits.REQUESTS / 2


def event(message: str) -> dict[str, Any]:
    return {"id": "1", "message": message}

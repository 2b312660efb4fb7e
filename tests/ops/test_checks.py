"""The checks from outside: what passes, and the sentence of each thing that does not."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra import checks
from infra.checks import CheckFailed, Endpoint
from infra.endpoints import unix_endpoint, url_endpoint
from infra.ops.outputs import Outputs
from infra.ops.verify import verify
from tests.ops.gateway import tls_gateway
from tests.ops.standin import KEY, RELEASE, TOKEN, Release, running
from tests.support.processes import PATIENCE


@pytest.fixture
def release() -> Iterator[Release]:
    with running(Release()) as serving:
        yield serving


def app(release: Release) -> Endpoint:
    return url_endpoint(f"http://app.localhost:{release.app_port}")


def realtime(release: Release) -> Endpoint:
    return url_endpoint(f"ws://realtime.localhost:{release.realtime_port}")


def outputs(release: Release, **public: str) -> Outputs:
    return Outputs({**release.outputs(), **public}, {"internal_queue_token": TOKEN})


def refused(check: Callable[[], object]) -> str:
    """The sentence of a check that fails, with ports left out."""
    with pytest.raises(CheckFailed) as caught:
        check()
    return re.sub(r"localhost:\d+", "localhost", str(caught.value))


def canary(release: Release, seconds: float = PATIENCE) -> checks.Canary:
    return checks.canary_round_trip(
        app(release), realtime(release), queue="default", token=TOKEN, key=KEY, release=RELEASE, seconds=seconds
    )


def test_a_working_release_passes_every_check(release: Release) -> None:
    verdict = verify(outputs(release))
    assert [item.name for item in verdict.results if not item.ok] == []
    assert verdict.ok
    assert len(verdict.results) == 9


def test_names_below_localhost_are_not_resolved_but_asked_for(release: Release) -> None:
    checks.page_answers(app(release))
    assert release.hosts == [f"app.localhost:{release.app_port}"]


def test_the_same_checks_work_on_unix_sockets(tmp_path: Path) -> None:
    with running(Release(), folder=tmp_path):
        app, realtime = unix_endpoint(tmp_path / "app.sock"), unix_endpoint(tmp_path / "realtime.sock")
        checks.app_serves(app, RELEASE)
        checks.realtime_is_ready(realtime, RELEASE)
        checks.realtime_accepts(realtime, KEY)
        found = checks.canary_round_trip(app, realtime, queue="canary-x", token=TOKEN, key=KEY, release=RELEASE)
        assert found.release == RELEASE


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    assert refused(lambda: checks.app_serves(unix_endpoint(path), RELEASE)) == (
        f"GET http+unix:{path}:/up got no answer: its socket does not exist."
    )
    assert refused(lambda: checks.realtime_accepts(unix_endpoint(path), KEY)) == (
        f"ws+unix:{path}:/app/{KEY} does not take WebSocket connections: its socket does not exist."
    )


@pytest.mark.parametrize(
    ("broken", "check", "sentence"),
    [
        (
            "not-ready",
            lambda r: checks.app_is_ready(app(r), RELEASE),
            "http://app.localhost/ready answered 503, not 'ready': database: Postgres refuses the connection.",
        ),
        ("page", lambda r: checks.page_answers(app(r)), "http://app.localhost/ answered 500 instead of 200."),
        (
            "widget-type",
            lambda r: checks.widget_answers(app(r)),
            "http://app.localhost/widget/widget.js has the content type 'text/plain' instead of 'text/javascript'.",
        ),
        (
            "open-canary",
            lambda r: checks.canary_is_protected(app(r)),
            "POST http://app.localhost/api/v1/internal/canary without a token answered 202 instead of 401.",
        ),
        ("worker-stuck", lambda r: canary(r, 4), "No worker took the canary job from queue 'default' within 4 s."),
        ("worker-fails", canary, "The canary job on queue 'default' failed: the row could not be read back."),
        (
            "no-event",
            lambda r: canary(r, 4),
            "The canary job on queue 'default' finished, but ws://realtime.localhost never sent its event.",
        ),
        (
            "any-key",
            lambda r: checks.realtime_refuses_strangers(realtime(r)),
            "ws://realtime.localhost answered an unknown key with 'pusher:connection_established' "
            "instead of error 4001.",
        ),
        (
            "silent",
            lambda r: checks.realtime_accepts(realtime(r), KEY),
            "ws://realtime.localhost closed the connection (4200).",
        ),
        (
            "slow",
            lambda r: checks.page_answers(app(r), timeout=0.2),
            "GET http://app.localhost/ got no answer: it took too long.",
        ),
    ],
)
def test_what_is_broken_is_said_in_one_sentence(
    release: Release, broken: str, check: Callable[[Release], object], sentence: str
) -> None:
    release.broken.add(broken)
    assert refused(lambda: check(release)) == sentence


def test_another_release_is_not_the_expected_one(release: Release) -> None:
    release.release = "r0"
    assert refused(lambda: checks.app_serves(app(release), RELEASE)) == (
        "http://app.localhost/up is answered by release r0, not by r1."
    )
    release.worker_release = "r0"
    assert refused(lambda: canary(release)) == (
        "The canary job on queue 'default' was run by release r0 (the job's record), not by r1."
    )


def test_another_process_behind_the_address(release: Release) -> None:
    assert refused(lambda: checks.app_serves(realtime(release), RELEASE)) == (
        "http://realtime.localhost/up is answered by process 'realtime', not by 'app'."
    )


def test_an_unknown_key_is_refused_in_the_servers_words(release: Release) -> None:
    assert refused(lambda: checks.realtime_accepts(realtime(release), "wrong")) == (
        "ws://realtime.localhost answered with error 4001: Application does not exist."
    )


def test_a_wrong_token_never_shows_in_the_sentence(release: Release) -> None:
    release.token = "another"
    sentence = refused(lambda: canary(release))
    assert sentence == (
        "POST http://app.localhost/api/v1/internal/canary for queue 'default' answered 401 instead of 202."
    )


def test_an_app_that_answers_late_still_passes_before_the_deadline(release: Release) -> None:
    release.broken |= {"slow", "late"}
    assert canary(release, 30).release == RELEASE


def test_a_check_is_repeated_until_it_passes(release: Release) -> None:
    answers = iter([CheckFailed("not yet"), None])

    def check() -> str:
        if failure := next(answers):
            raise failure
        return "found"

    assert checks.eventually(check, PATIENCE) == "found"


def test_nothing_that_listens() -> None:
    assert refused(lambda: checks.page_answers(url_endpoint("http://app.localhost:1"))) == (
        "GET http://app.localhost/ got no answer: nothing listens there."
    )


def test_failed_checks_do_not_hide_one_another(release: Release) -> None:
    release.broken |= {"page", "worker-fails"}
    verdict = verify(outputs(release), patience=0.1)
    assert [item.name for item in verdict.results if not item.ok] == ["page", "canary job"]
    assert not verdict.ok


def test_tls_is_verified_with_the_gateways_own_authority(release: Release, tmp_path: Path) -> None:
    with tls_gateway(release, tmp_path) as (outputs, authority):
        assert verify(Outputs({**outputs, "ca_certificate": str(authority)}, {"internal_queue_token": TOKEN})).ok
        sentence = refused(lambda: checks.page_answers(url_endpoint(outputs["app_url"])))
        assert sentence.startswith("GET https://app.localhost/ got no answer: its certificate is not trusted (")

"""The gate before the switch, on the bundled app itself."""

from collections.abc import Iterator, Mapping
from functools import partial
from threading import Timer
from typing import Any

import pytest

from infra import checks
from infra.checks import eventually
from infra.endpoints import unix_endpoint
from infra.errors import UserError
from infra.provider.local.layout import ACCEPTED
from infra.provider.local.service import ServiceResource, folder_of, remove
from infra.provider.local.supervision import STOPPED
from infra.provider.local.verification import Inputs, State, VerificationResource
from tests.support.environment import PYTHON, QUEUE_TOKEN, REALTIME_KEY, Furnished, service_inputs, standin_inputs
from tests.support.processes import PATIENCE

RESOURCE = VerificationResource()
COMMANDS = {
    "app": ("web", "--listen", "unix:{socket}"),
    "worker": ("worker",),
    "realtime": ("realtime", "--listen", "unix:{socket}"),
}
IDLE = (PYTHON, "-I", "-S", "-c", "import time; print('I do nothing', flush=True); time.sleep(300)")


@pytest.fixture(scope="module")
def whole(made: Furnished) -> Mapping[str, str]:
    """The generations of a whole release."""
    return {"app": start(made, "app", replicas=2), "worker": start(made, "worker"), "realtime": start(made, "realtime")}


@pytest.fixture
def app(whole: Mapping[str, str]) -> str:
    return whole["app"]


@pytest.fixture
def worker(whole: Mapping[str, str]) -> str:
    return whole["worker"]


@pytest.fixture
def realtime(whole: Mapping[str, str]) -> str:
    return whole["realtime"]


@pytest.fixture(autouse=True)
def as_candidates(made: Furnished, whole: Mapping[str, str]) -> Iterator[None]:
    """Each test meets the whole release, ready and accepted by nobody, and no other."""
    yield
    layout = made.home.layout
    for folder in layout.services.iterdir():
        if folder.name not in whole.values():
            remove(layout, folder.name)
            continue
        (folder / ACCEPTED).unlink(missing_ok=True)
        made.home.supervisor.resume(folder.name)
    listeners = {name: unix_endpoint(layout.services / generation / "0.sock") for name, generation in whole.items()}
    second = unix_endpoint(layout.services / whole["app"] / "1.sock")
    release = made.release.release
    eventually(partial(checks.app_is_ready, listeners["app"], release), PATIENCE)
    eventually(partial(checks.app_is_ready, second, release), PATIENCE)
    eventually(partial(checks.realtime_is_ready, listeners["realtime"], release), PATIENCE)


def start(made: Furnished, process: str, **changes: Any) -> str:
    """One more generation of a process, beside those that are there."""
    for folder in made.home.layout.services.iterdir():
        (folder / ACCEPTED).touch()
    return ServiceResource().create(service_inputs(made, process, *COMMANDS[process], **changes))[0]


def inputs(made: Furnished, app: str, worker: str, realtime: str, **changes: Any) -> Inputs:
    values = {
        "directory": made.home.directory,
        "release": made.release.release,
        "generations": {"app": app, "worker": worker, "realtime": realtime},
        "replicas": {"app": 2, "worker": 1, "realtime": 1},
        "timeout": 60,
        "queue_token": QUEUE_TOKEN,
        "realtime_key": REALTIME_KEY,
    }
    return Inputs(**{**values, **changes})


def refusal(made: Furnished, given: Inputs) -> list[str]:
    for generation in given.generations.values():
        (folder_of(made.home.layout, generation) / ACCEPTED).unlink(missing_ok=True)
    with pytest.raises(UserError) as refused:
        RESOURCE.create(given)
    for generation in given.generations.values():
        assert {process.state for process in made.home.supervisor.processes(generation)} <= {STOPPED, 100, 200}
        assert not (folder_of(made.home.layout, generation) / ACCEPTED).exists()
    return str(refused.value).splitlines()


def test_a_whole_release_is_accepted(made: Furnished, app: str, worker: str, realtime: str) -> None:
    given = inputs(made, app, worker, realtime)
    assert RESOURCE.create(given) == ("verification", State(**vars(given), verified=made.release.release))
    for generation in (app, worker, realtime):
        assert (folder_of(made.home.layout, generation) / ACCEPTED).exists()
        assert made.home.supervisor.runs_or_starts(generation)


def test_a_candidate_that_does_not_answer_for_a_moment_is_accepted(
    made: Furnished, app: str, worker: str, realtime: str
) -> None:
    listener = folder_of(made.home.layout, app) / "1.sock"
    away = listener.rename(listener.with_name("away"))
    back = Timer(0.3, away.rename, (listener,))
    back.start()
    assert RESOURCE.create(inputs(made, app, worker, realtime))[1].verified == made.release.release
    back.join()


def test_another_release_than_the_one_asked_for_is_refused(
    made: Furnished, app: str, worker: str, realtime: str
) -> None:
    first, *_ = refusal(made, inputs(made, app, worker, realtime, release="0123456789ab"))
    assert first.startswith("Release 0123456789ab is refused. ")
    assert f" is answered by release {made.release.release}, not by 0123456789ab. The last log lines of " in first
    assert "The one before it still serves" not in first


def test_a_refused_release_can_be_verified_again(made: Furnished, app: str, worker: str, realtime: str) -> None:
    refusal(made, inputs(made, app, worker, realtime, release="0123456789ab"))
    _, state = RESOURCE.create(inputs(made, app, worker, realtime))
    assert state.verified == made.release.release
    assert made.home.supervisor.runs_or_starts(app)


def test_a_worker_that_takes_no_job_is_refused(made: Furnished, app: str, realtime: str) -> None:
    idle = start(made, "worker", command=IDLE)
    first, *lines = refusal(made, inputs(made, app, idle, realtime, timeout=5))
    assert first == (
        f"Release {made.release.release} is refused. "
        f"No worker took the canary job from queue 'canary-{idle}' within 5 s. The last log lines of {idle}-0:"
    )
    assert lines == ["    I do nothing"]


def test_a_worker_of_another_release_is_refused(made: Furnished, app: str, realtime: str) -> None:
    other = start(made, "worker", environment=made.variables("worker", APP_RELEASE="other"))
    first, *_ = refusal(made, inputs(made, app, other, realtime))
    assert first.startswith(
        f"Release {made.release.release} is refused. The canary job on queue 'canary-{other}' was run by release other "
    )


def test_a_worker_that_keeps_ending_is_refused_at_once(made: Furnished, app: str, realtime: str) -> None:
    dying = (PYTHON, "-I", "-S", "-c", "import time; time.sleep(0.3); raise SystemExit('no memory left')")
    worker = start(made, "worker", command=dying)
    first, *lines = refusal(made, inputs(made, app, worker, realtime))
    assert first == (
        f"Release {made.release.release} is refused. {worker}-0 ended by itself. The last log lines of {worker}-0:"
    )
    assert lines[-1] == "    no memory left"


def test_of_several_replicas_the_failing_one_is_quoted(made: Furnished, worker: str, realtime: str) -> None:
    apps = start(made, "app", replicas=2)
    (folder_of(made.home.layout, apps) / "1.sock").unlink()
    with (made.home.layout.logs / f"{apps}-1.log").open("a") as log:
        log.write("the second one's last words\n")
    first, *lines = refusal(made, inputs(made, apps, worker, realtime))
    assert f"/{apps}/1.sock:/ready got no answer" in first
    assert first.endswith(f"The last log lines of {apps}-1:")
    assert "    the second one's last words" in lines


def test_a_worker_without_its_database_is_refused(made: Furnished, app: str, realtime: str) -> None:
    lost = start(made, "worker", environment=made.variables("worker", DB_PASSWORD="wrong-password"))
    first, *lines = refusal(made, inputs(made, app, lost, realtime))
    assert first.startswith(
        f"Release {made.release.release} is refused. The canary job on queue 'canary-{lost}' failed: "
    )
    assert "wrong-password" not in "\n".join([first, *lines])


def test_a_realtime_server_that_is_ready_but_speaks_no_websocket_is_refused(
    made: Furnished, app: str, worker: str
) -> None:
    stand_in = standin_inputs(
        made.home,
        process="realtime",
        release=made.release.release,
        environment={"APP_RELEASE": made.release.release, "APP_PROCESS": "realtime"},
    )
    for folder in made.home.layout.services.iterdir():
        (folder / ACCEPTED).touch()
    mute, _ = ServiceResource().create(stand_in)
    first, *_ = refusal(made, inputs(made, app, worker, mute))
    socket = folder_of(made.home.layout, mute) / "0.sock"
    assert first.startswith(f"Release {made.release.release} is refused. ws+unix:{socket}:")
    assert "does not take WebSocket connections" in first
    assert first.endswith(f"The last log lines of {mute}-0:")


def test_a_realtime_server_with_another_key_is_refused(made: Furnished, app: str, worker: str) -> None:
    other = start(made, "realtime", environment=made.variables("realtime", REVERB_APP_KEY="another"))
    first, *_ = refusal(made, inputs(made, app, worker, other))
    assert f"ws+unix:{folder_of(made.home.layout, other) / '0.sock'} answered with error 4001" in first


def test_a_wrong_queue_token_is_refused_without_being_quoted(
    made: Furnished, app: str, worker: str, realtime: str
) -> None:
    sentence = "\n".join(refusal(made, inputs(made, app, worker, realtime, queue_token="not-the-apps-token")))
    assert "answered 401 instead of 202." in sentence
    assert "not-the-apps-token" not in sentence
    assert "not-the-apps-token" not in repr(inputs(made, app, worker, realtime, queue_token="not-the-apps-token"))


def test_a_refusal_leaves_what_was_accepted_before_running(
    made: Furnished, app: str, worker: str, realtime: str
) -> None:
    RESOURCE.create(inputs(made, app, worker, realtime))
    made.home.layout.current.mkdir()
    idle = start(made, "worker", command=IDLE)
    with pytest.raises(UserError) as refused:
        RESOURCE.create(inputs(made, app, idle, realtime, timeout=5))
    made.home.layout.current.rmdir()
    assert str(refused.value).startswith(
        f"Release {made.release.release} is refused. The one before it still serves. No worker took the canary job"
    )
    for generation in (app, worker, realtime):
        assert made.home.supervisor.runs_or_starts(generation)


def test_a_token_that_changes_is_verified_again(made: Furnished, app: str, worker: str, realtime: str) -> None:
    """It has no identity of its own: every changed input is an update, and an update asks everything again."""
    assert RESOURCE.replaces == frozenset()
    state = State(**vars(inputs(made, app, worker, realtime)), verified=made.release.release)
    with pytest.raises(UserError):
        RESOURCE.update("verification", state, inputs(made, app, worker, realtime, queue_token="rotated"))


def test_deleting_it_undoes_nothing(made: Furnished, app: str, worker: str, realtime: str) -> None:
    _, state = RESOURCE.create(inputs(made, app, worker, realtime))
    RESOURCE.delete("verification", state)
    assert made.home.supervisor.runs_or_starts(app)

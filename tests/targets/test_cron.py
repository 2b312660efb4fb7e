"""The cron Worker and the rotation of its token on the local target, seen by the recording engine."""

from infra.load import environment, load
from infra.model import Environment
from infra.release import worker_script
from infra.stack_config import Rotation
from tests.support.engine import Recording
from tests.targets.conftest import landed
from tests.targets.test_local import SECRET, host


def test_the_cron_worker_is_the_releases_and_comes_last(recording: Recording, wanted: Environment) -> None:
    worker, route = recording.one("pitchbar:local:CronWorker"), recording.one("pitchbar:local:Route")
    address = f"http://{host(wanted, 'app')}:20007"
    assert worker.inputs["script"] == worker_script.render(wanted.queue_tick, address)
    assert {name: worker.inputs[name] for name in ("url", "interval", "cron", "token")} == {
        "url": address,
        "interval": wanted.queue_tick.interval,
        "cron": "* * * * *",
        "token": "queue-token.value",
    }
    assert route.urn in worker.dependencies
    assert not any(worker.urn in resource.dependencies for resource in recording)


def test_a_rotated_secret_has_its_version() -> None:
    recording = landed(environment(load(), "local"), rotations={"queue-token": Rotation(3, True)})
    [token] = [secret for secret in recording.of(SECRET) if secret.name == "queue-token"]
    assert (token.inputs["version"], token.inputs["retire_previous"]) == (3, True)

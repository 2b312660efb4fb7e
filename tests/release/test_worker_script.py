"""The cron Worker's script: what is baked in, what is not, and that it does what it says in JavaScript."""

import json
import subprocess
from pathlib import Path

import pytest

from infra.load import environment, load
from infra.model import QueueTick
from infra.release import worker_script
from infra.release.runtime import from_json, render, to_json
from infra.toolchain import locate

URL = "https://app.pitchbar.com"

HARNESS = """
const answers = JSON.parse(process.argv[1]);
const asked = [];
globalThis.fetch = async (url, options) => {
  asked.push({ url, method: options.method, headers: options.headers, body: options.body });
  const next = answers.shift();
  if (next === null) throw new TypeError("network connection lost");
  return new Response(next.body, { status: next.status });
};
console.log = () => {};
const worker = (await import(process.argv[2])).default;
let error = null;
await worker.scheduled({ cron: "* * * * *" }, { INTERNAL_QUEUE_TOKEN: "the-token" }).catch((e) => (error = e.message));
process.stdout.write(JSON.stringify({ asked, error }));
"""


def scheduled(folder: Path, script: str, *answers: object) -> dict[str, object]:
    """Run the script's handler once, with these answers of the app (None: it can't be reached)."""
    file = folder / "worker.mjs"
    file.write_text(script)
    command = [str(locate().node), "--input-type=module", "-e", HARNESS, "--", json.dumps(answers), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def answer(status: int, body: object) -> dict[str, object]:
    return {"status": status, "body": json.dumps(body)}


def test_the_parameters_and_the_address_are_baked_in() -> None:
    script = worker_script.render(QueueTick(max_time=40, job_timeout=90, queues=("crawl", "index")), URL)
    assert (
        'const TICK = {"url": "https://app.pitchbar.com/api/v1/internal/queue-tick", '
        '"parameters": {"max_time": 40, "job_timeout": 90, "queues": ["crawl", "index"]}};\n'
    ) in script


def test_the_same_tick_is_the_same_script_and_another_one_is_not() -> None:
    first = worker_script.digest(worker_script.render(QueueTick(), URL))
    assert first == worker_script.digest(worker_script.render(QueueTick(), f"{URL}/"))
    assert first != worker_script.digest(worker_script.render(QueueTick(max_time=54), URL))
    assert first != worker_script.digest(worker_script.render(QueueTick(), "https://app.staging.pitchbar.com"))


def test_a_releases_script_leaves_the_address_open() -> None:
    runtime = render(environment(load(), "production"))
    assert URL not in runtime.cron_script
    script = worker_script.with_address(runtime.cron_script, URL)
    assert script == worker_script.render(environment(load(), "production").queue_tick, URL)
    assert from_json(to_json(runtime)) == runtime


def test_a_manifest_from_before_there_was_a_worker_can_be_read() -> None:
    document = json.loads(to_json(render(environment(load(), "local"))))
    del document["cron_script"], document["cron_interval"]
    assert from_json(json.dumps(document)).cron_script == ""


@pytest.mark.parametrize(
    ("seconds", "expression"), [(60, "* * * * *"), (120, "*/2 * * * *"), (600, "*/10 * * * *"), (3600, "0 * * * *")]
)
def test_cron_counts_in_minutes(seconds: int, expression: str) -> None:
    assert worker_script.cron(seconds) == expression


def test_it_sends_the_tick_with_the_secret(tmp_path: Path) -> None:
    found = scheduled(tmp_path, worker_script.render(QueueTick(), URL), answer(202, {"id": "p1"}))
    assert found == {
        "error": None,
        "asked": [
            {
                "url": f"{URL}/api/v1/internal/queue-tick",
                "method": "POST",
                "headers": {"authorization": "Bearer the-token", "content-type": "application/json"},
                "body": '{"max_time":55,"job_timeout":120,"queues":["crawl","index","default"]}',
            }
        ],
    }


@pytest.mark.parametrize("first", [None, {"status": 521, "body": "origin down"}])
def test_it_tries_once_more_when_the_app_was_not_reached(tmp_path: Path, first: object) -> None:
    script = worker_script.render(QueueTick(), URL)
    found = scheduled(tmp_path, script, first, answer(202, {"id": "p1", "running": True}))
    assert found["error"] is None
    assert len(found["asked"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "error", "times"),
    [
        ([answer(401, {"error": "no"})], 'The queue tick was refused: 401 {"error": "no"}', 1),
        ([answer(503, {"error": "no"})], 'The queue tick was refused: 503 {"error": "no"}', 1),
        ([None, None], "The app could not be reached: network connection lost", 2),
        ([None, answer(522, "")], 'The queue tick was refused: 522 ""', 2),
    ],
)
def test_a_failed_tick_is_a_failure_of_the_worker(
    tmp_path: Path, answers: list[object], error: str, times: int
) -> None:
    found = scheduled(tmp_path, worker_script.render(QueueTick(), URL), *answers)
    assert found["error"] == error
    assert len(found["asked"]) == times  # type: ignore[arg-type]

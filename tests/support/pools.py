"""An environment's pool of workers, as its status shows it."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.support.backups import sql
from tests.support.stack import Stack


@contextlib.contextmanager
def slow_canaries(stack: Stack) -> Iterator[None]:
    """Each canary job takes half a second while the block runs."""
    sql(
        stack,
        "CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END'; "
        "CREATE TRIGGER slow BEFORE INSERT ON canaries FOR EACH ROW EXECUTE FUNCTION be_slow()",
    )
    yield
    sql(stack, "DROP TRIGGER slow ON canaries; DROP FUNCTION be_slow()")


def worker(status: dict[str, Any]) -> dict[str, Any]:
    """The worker of an environment's status."""
    [found] = [process for process in status["processes"] if process["program"] == "worker"]
    return dict(found)


def is_grown(status: dict[str, Any]) -> bool:
    """Whether three workers are at work, and jobs wait."""
    [queue] = [queue for queue in status["queues"] if queue["name"] == "default"]
    return bool(worker(status)["pool"]["size"] == 3 and queue["waiting"] and queue["reserved"])

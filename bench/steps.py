"""`pitchbar up` by the clock: `python -m bench.steps STACK TRACES EVENTS` prints its steps as JSON.

The steps and their order are those of `infra.ops.up.up`; only the engine is asked to write down its traces as well.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def main() -> None:
    """Bring the stack up; exit as the engine and the verification say."""
    name, traces, log = sys.argv[1:]
    steps: list[tuple[str, float, float]] = []

    def step(title: str, action: Callable[[], T]) -> T:
        started = time.time()
        try:
            return action()
        finally:
            steps.append((title, started, time.time()))

    from infra.ops import checkpoint, outputs
    from infra.ops.console import Console
    from infra.ops.engine import run
    from infra.ops.heal import heal
    from infra.ops.making import Wish, ensure
    from infra.ops.turn import turn
    from infra.ops.verify import verify

    console = Console(json=True)
    with turn(name, "bench", console, wait=True):
        stack = step("pitchbar: make the stack", lambda: ensure(Wish(name), console))
        step("pitchbar: heal", lambda: heal(stack, console))
        traced = ["--otel-traces", f"file://{traces}", "--event-log", log]
        made = checkpoint.latest(stack)
        refresh = ["--refresh"] if made is None or made.get("resources") else []
        command = ["up", *refresh, "--yes", "--skip-preview", *traced]
        extra = {"PULUMI_DEBUG_COMMANDS": "true"}
        outcome = step("engine", lambda: run(stack, command, output=sys.stderr, extra=extra))
        if outcome.code != 0:
            sys.exit(1)
        found = step("pitchbar: read the outputs", lambda: outputs.read_for_checks(stack))
        verdict = step("pitchbar: verify from outside", lambda: verify(found))
    print(json.dumps(steps))
    sys.exit(0 if verdict.ok else 1)


if __name__ == "__main__":
    main()

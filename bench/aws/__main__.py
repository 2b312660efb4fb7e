"""``python -m bench.aws``: what is known of the AWS program's speed without an account."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from bench.aws import paths
from tests.support.aws.program import RELEASED, STACKS, program

EVALUATION_GOAL = 3.0
_EVALUATE = (
    "import sys, time, warnings; warnings.simplefilter('ignore'); began = time.monotonic();"
    "from tests.support.aws.program import evaluate, program, BASE; stack = sys.argv[1];"
    "stack.startswith('pr-') and program(BASE); middle = time.monotonic();"
    "resources = evaluate(stack, {}).resources; print(time.monotonic() - middle, len(resources))"
)


def main() -> None:
    """Print the tables; ``--json FILE`` writes everything there as well."""
    parser = argparse.ArgumentParser(prog="python -m bench.aws", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each program is evaluated (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"evaluation": _evaluations(options.runs), "paths": _paths()}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    _print(found)


def _evaluations(runs: int) -> dict[str, Any]:
    """Each in a process of its own, imports included."""
    found = {}
    for stack in STACKS:
        seconds, count = [], 0
        for _ in range(runs):
            done = subprocess.run([sys.executable, "-c", _EVALUATE, stack], check=True, capture_output=True, text=True)
            took, number = done.stdout.split()
            seconds.append(float(took))
            count = int(number)
        found[stack] = {"seconds": sorted(seconds)[len(seconds) // 2], "resources": count}
    return found


def _paths() -> dict[str, Any]:
    found = {}
    for stack in STACKS:
        recording = program(stack)
        found[f"first up of {stack}"] = paths.longest(recording, paths.making(recording))
        if recording.of(paths.SERVICE):
            seconds = paths.releasing(recording, RELEASED)
            found[f"release of {stack}"] = paths.longest(recording, seconds, paths.draining(recording))
    return {
        name: {
            "seconds": path.seconds,
            "drain": path.drain,
            "steps": [list(step) for step in path.steps],
            "goal": paths.goal(name),
        }
        for name, path in found.items()
    }


def _print(found: dict[str, Any]) -> None:
    print(f"{'evaluation of the program (mocks)':38}{'seconds':>9}{'resources':>11}")
    for stack, figures in found["evaluation"].items():
        verdict = "met" if figures["seconds"] <= EVALUATION_GOAL else "MISSED"
        print(f"  {stack:36}{figures['seconds']:9.2f}{figures['resources']:11}   goal ≤ {EVALUATION_GOAL:g}  {verdict}")
    print(f"\n{'computed critical path':38}{'seconds':>9}{'drains':>11}")
    for name, path in found["paths"].items():
        verdict = f"   goal ≤ {path['goal']}  {'met' if path['seconds'] <= path['goal'] else 'MISSED'}"
        print(f"  {name:36}{path['seconds']:9.0f}{path['drain']:11.0f}{verdict}")
        print(f"      {' ▶ '.join(f'{step} {seconds:.0f}' for step, seconds in path['steps'])}")


if __name__ == "__main__":
    main()

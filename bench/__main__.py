"""`python -m bench`: one table for people and, with --json FILE, one document for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

from bench import report
from bench.measures import Bench
from bench.parts import Parts
from bench.place import place
from bench.stages import Story, tell
from infra.errors import UserError


def main() -> int:
    """Measure, print, and say what is met: the exit code says whether everything ran, not how quick it was."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=_positive, default=5, help="how often everything is measured (default 5)")
    parser.add_argument("--cores", type=_positive, default=2, help="cores to use, at most (default 2)")
    parser.add_argument("--only", choices=("environment", "parts"), help="the whole environment, or its parts alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    load = os.getloadavg()[0]
    bench, parts, stories = None, Parts(), []
    try:
        if options.only != "environment":
            parts.run(options.runs, lambda number, what: _tell(number, options.runs, what))
        if options.only != "parts":
            with place() as where:
                bench = Bench(where)
                stories = _environment(bench, options.runs)
    except UserError as error:
        _say("")
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("")
        print("Interrupted; nothing of it is left.", file=sys.stderr)
        return 130
    _say("")
    measured = [each for each in (bench, parts) if each and each.seconds]
    measures = {key: measure for each in measured for key, measure in each.measures().items()}
    ratios = [ratio for each in measured for ratio in each.ratios()]
    found = (options.runs, load, measures, ratios, stories)
    if options.json:
        options.json.write_text(json.dumps(report.document(*found), indent=2) + "\n", encoding="utf-8")
    print(report.table(*found))
    return 0 if stories or not bench else 1


def _environment(bench: Bench, runs: int) -> list[Story]:
    """Measure the whole environment so often, then find out where the time goes."""
    _say("making ready")
    bench.prepare()
    for number in range(runs):
        bench.run(number, partial(_tell, number + 1, runs))
    _say("where the time goes")
    return _stories(bench)


def _stories(bench: Bench) -> list[Story]:
    """Where the time goes; a CLI that can't trace takes nothing away from what was measured."""
    try:
        return tell(bench)
    except UserError as error:
        print(f"\nWhere the time goes could not be traced: {error}", file=sys.stderr)
        return []


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _tell(number: int, runs: int, what: str) -> None:
    _say(f"run {number} of {runs}: {what}")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

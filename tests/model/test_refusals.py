"""Every mistake in a copy of the reference is refused in words, alone and all of them at once (see mistakes.yaml)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Refused = Callable[[str | bytes], list[str]]
Mistake = dict[str, str]

TABLE: dict[str, list[Mistake]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))
EVERY_MISTAKE = [*TABLE["independent"], *TABLE["contradicting"]]


def make(mistake: Mistake, text: str) -> str:
    """Make the mistake in `text`."""
    start = text.index(mistake["instead_of"], text.index(mistake["in"]))
    return text[:start] + mistake["write"] + text[start + len(mistake["instead_of"]) :]


def report(mistake: Mistake, text: str) -> str:
    """Give the problem that must be reported for `mistake` in `text`."""
    section = text.index(mistake["in"])

    def line(wanted: str) -> int:
        found = text.find(wanted, section)
        return text.count("\n", 0, found if found >= 0 else text.index(wanted)) + 1

    sentence = re.sub(r"<(.+?)>", lambda match: str(line(match[1])), mistake["refused"])
    return f"{line(mistake.get('reported', mistake['write']))}: {sentence}"


@pytest.mark.parametrize("mistake", EVERY_MISTAKE, ids=lambda mistake: mistake["write"])
def test_one_mistake_is_one_problem(mistake: Mistake, reference: str, refused: Refused) -> None:
    text = make(mistake, reference)
    assert refused(text) == [report(mistake, text)]


def test_all_mistakes_are_reported_at_once_by_line(reference: str, refused: Refused) -> None:
    text = reference
    for mistake in TABLE["independent"]:
        text = make(mistake, text)
    expected = [report(mistake, text) for mistake in TABLE["independent"]]
    assert refused(text) == sorted(expected, key=by_line)


def by_line(problem: str) -> tuple[int, str]:
    """Sort problems as their error does."""
    line, _, sentence = problem.partition(": ")
    return int(line), sentence


@pytest.mark.parametrize(
    ("removed", "reported", "sentence"),
    [
        (
            "      memory: 2GB               # Of one replica.\n",
            "      commands:\n",
            "defaults.processes.app.memory: found nothing. Environments staging and production need it."
            " Add memory: 2GB.",
        ),
        (
            "      queues: [crawl, index, default]   # The most urgent first.\n",
            "      commands:\n        bundled: [python, -m, pitchbar_app, worker]\n",
            "defaults.processes.worker.queues: found nothing. Every environment needs it. Add queues: [default].",
        ),
        (
            "    purpose: A complete environment on this machine, for trying and developing.\n",
            "  local:\n",
            "environments.local.purpose: found nothing. Environment local needs it. Add purpose: QA.",
        ),
    ],
)
def test_what_is_missing_names_who_needs_it(
    removed: str, reported: str, sentence: str, reference: str, refused: Refused
) -> None:
    assert reference.count(removed) == 1
    text = reference.replace(removed, "")
    assert refused(text) == [f"{text.count(chr(10), 0, text.index(reported)) + 1}: {sentence}"]


@pytest.mark.parametrize("process", ["app", "worker", "realtime"])
def test_a_missing_process_is_refused(process: str, reference: str, refused: Refused) -> None:
    document: dict[str, Any] = yaml.safe_load(reference)
    for environment in (document["defaults"], *document["environments"].values()):
        environment.get("processes", {}).pop(process, None)
    problems = refused(yaml.safe_dump(document))
    assert [problem.partition(": ")[2] for problem in problems if f".{process}: " in problem] == [
        f"defaults.processes.{process}: found nothing. Every environment needs it. Add {process}: with its keys below."
    ]

"""What people see: progress, tables, colours; with ``--json`` progress goes to stderr and one document to stdout."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_COLOURS = {
    **{"red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"},
    **{"bold": "1", "faint": "2"},
}


@dataclass(frozen=True)
class Console:
    """Where a command writes; ``json`` reserves stdout for the one document."""

    json: bool = False

    @property
    def progress(self) -> TextIO:
        """The stream for everything that is not the answer itself."""
        return sys.stderr if self.json else sys.stdout

    def say(self, text: str = "") -> None:
        """Tell people something on the way."""
        print(text, file=self.progress, flush=True)

    def paint(self, text: str, colour: str) -> str:
        """Colour a text, on a terminal only and never with NO_COLOR."""
        return paint(text, colour, self.progress)


def error(text: str) -> None:
    """Print an error for people on stderr."""
    print(f"{paint('error:', 'red', sys.stderr)} {text}", file=sys.stderr, flush=True)


def document(value: Any) -> None:
    """Print the one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def record(value: Any) -> None:
    """Print one of many JSON documents, each on a line of its own."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Colour a text for a stream that is a terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Lines in which the columns stand below one another."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def pairs(values: Mapping[str, str], indent: str = "  ") -> list[str]:
    """Lines of names and values."""
    return table([[name, value] for name, value in values.items()], indent)

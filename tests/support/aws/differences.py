"""What two stacks declare differently, but for their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.engine import Recording

Difference = tuple[str, str, str, Any, Any]
"""Type, logical name, path of the input (``protect`` among them; empty: the whole resource), and the two values."""


def differences(first: Recording, second: Recording, same: Mapping[str, str]) -> list[Difference]:
    """What ``second`` declares differently. ``same``: texts of the first that mean what these of the second mean."""
    ours, theirs = _parts(first, same), _parts(second, {})
    found: list[Difference] = []
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs:
            found.append((*key, "", key in ours, key in theirs))
            continue
        mine, other = dict(_leaves(ours[key])), dict(_leaves(theirs[key]))
        for path in sorted(mine.keys() | other.keys()):
            if mine.get(path) != other.get(path):
                found.append((*key, path, mine.get(path), other.get(path)))
    return found


def _parts(recording: Recording, same: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    parts = {}
    for each in recording:
        ignored = each.options.ignore_changes
        inputs = {name: value for name, value in each.inputs.items() if name not in ignored}
        text = json.dumps({**inputs, "protect": each.options.protect}, default=vars, sort_keys=True)
        for ours, theirs in same.items():
            text = re.sub(ours, theirs, text)
        name = each.name
        for ours, theirs in same.items():
            name = re.sub(ours, theirs, name)
        parts[each.type.rpartition("/")[2] if each.type.startswith("aws:") else each.type, name] = json.loads(text)
    return parts


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values in a value by their paths; JSON in a text is looked into, and lists of texts are one value."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            yield path, value
            return
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(part, (Mapping, list)) for part in value):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}[{number}]")
    else:
        yield path, value

"""A YAML file as a tree that remembers where each value was written, and the problems of its syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_NODES = 20_000
MOST_LEVELS = 40
_MOST_SHOWN = 500
_MERGE = "tag:yaml.org,2002:merge"
_CYCLE = "an alias of something that it is a part of"
_TOO_DEEP, _TOO_MANY = "more levels than fit", "more values than fit"
_TREE, _WRITTEN_OUT = "A file is a finite tree", "Write the values out"


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: where it is, what was found, the rule that it breaks, and the fix."""

    line: int
    path: str
    found: str
    rule: str
    fix: str

    def __str__(self) -> str:
        """Say it in three sentences, on one line of printable characters."""
        path, found, rule, fix = map(_line, (self.path, self.found, self.rule, self.fix))
        return f"{path + ': ' if path else ''}found {found}. {rule}. {fix}."


@dataclass(frozen=True)
class Scalar:
    """One value; `kind` is YAML's (str, int, float, bool, null …), `plain` means without quotes."""

    line: int
    path: str
    kind: str
    text: str
    plain: bool


@dataclass(frozen=True)
class Sequence:
    """A list of values."""

    line: int
    path: str
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Mapping:
    """Values by key; `lines` says where each key was written."""

    line: int
    path: str
    items: dict[str, Node]
    lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def describe(node: Node) -> str:
    """Say what was found, as in the file."""
    if isinstance(node, Mapping):
        return "keys and values" if node.items else "nothing"
    if isinstance(node, Sequence):
        return "a list"
    if node.kind == "null":
        return "nothing"
    return node.text if node.plain else f'"{node.text}"'


def _line(text: str) -> str:
    shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def overlay(base: Node | None, over: Node) -> Node:
    """Lay `over` on `base`: mappings are merged key by key, everything else is replaced."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    items = {**base.items, **{key: overlay(base.items.get(key), node) for key, node in over.items.items()}}
    return replace(base, items=items, lines={**base.lines, **over.lines})


def parse(text: str, problems: list[Problem]) -> Mapping | None:
    """Read the tree of `text`, whose top must be a mapping; what is wrong is added to `problems`."""
    tabs = [
        Problem(number, "", "a tab in the indentation", "YAML is indented with spaces", "Replace the tab with spaces")
        for number, line in enumerate(text.splitlines(), 1)
        if re.match(r" *\t\s*[^\s#]", line)
    ]
    if tabs:
        problems.extend(tabs)
        return None
    try:
        deep = _too_deep(text)
        root = None if deep else yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        problems.append(_syntax(error))
        return None
    if deep:
        problems.append(Problem(deep, "", _TOO_DEEP, _TREE, _WRITTEN_OUT))
        return None
    if isinstance(root, yaml.MappingNode):
        node = _Builder(problems).build(root, "", ())
        return node if isinstance(node, Mapping) else None
    found = "an empty file" if root is None else "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
    line = 1 if root is None else root.start_mark.line + 1
    problems.append(Problem(line, "", found, "The file begins with keys such as name", "Write them at its top"))
    return None


def _too_deep(text: str) -> int | None:
    """The line where too many brackets are open: the library composes them recursively, and would crash."""
    level = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
            if level > MOST_LEVELS:
                return event.start_mark.line + 1 if event.start_mark else 1
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1
    return None


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark else 1
    where = f" (column {mark.column + 1})" if mark else f" (character {position})" if position is not None else ""
    return Problem(line, "", f"invalid YAML{where}: {said}", "The file is YAML", "Check indentation, colons and quotes")


class _Builder:
    """Turns the parser's nodes into ours, with merge keys done and duplicate keys reported."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.count = 0

    def build(self, node: yaml.Node, path: str, above: tuple[int, ...]) -> Node:
        line = node.start_mark.line + 1
        self.count += 1
        endless = self._endless(node, above)
        if endless:
            if self.count <= MOST_NODES + 1:
                self._report(line, path, endless, _TREE, _WRITTEN_OUT)
            return Scalar(line, path, "broken", "", True)
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode):
            items = (self.build(item, f"{path}[{index}]", above) for index, item in enumerate(node.value))
            return Sequence(line, path, tuple(items))
        assert isinstance(node, yaml.ScalarNode)
        return Scalar(line, path, node.tag.rsplit(":", 1)[-1], node.value, not node.style)

    def _endless(self, node: yaml.Node, above: tuple[int, ...]) -> str:
        """Why the tree below this node isn't built; empty where it is."""
        if id(node) in above:
            return _CYCLE
        if len(above) >= MOST_LEVELS:
            return _TOO_DEEP
        return _TOO_MANY if self.count > MOST_NODES else ""

    def _mapping(self, node: yaml.MappingNode, path: str, above: tuple[int, ...]) -> Mapping:
        items: dict[str, Node] = {}
        lines: dict[str, int] = {}
        merged: list[Mapping] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._report(line, path, "a key that is not a word", "A key is one word", "Write it as one word")
            elif key.tag == _MERGE:
                merged.extend(self._merged(value, path, above))
            elif key.value in lines:
                rule = f"A key is written once, and this one is on line {lines[key.value]} already"
                self._report(line, _join(path, key.value), "the key a second time", rule, "Remove one of the two")
            else:
                lines[key.value] = line
                items[key.value] = self.build(value, _join(path, key.value), above)
        for mapping in merged:
            items = {**mapping.items, **items}
            lines = {**mapping.lines, **lines}
        return Mapping(node.start_mark.line + 1, path, items, lines)

    def _merged(self, value: yaml.Node, path: str, above: tuple[int, ...]) -> Iterator[Mapping]:
        for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            built = self.build(part, path, above)
            if isinstance(built, Mapping):
                yield built
            else:
                line = part.start_mark.line + 1
                self._report(line, path, "<< without keys", "<< merges keys", "Name an alias of keys")

    def _report(self, line: int, path: str, found: str, rule: str, fix: str) -> None:
        self.problems.append(Problem(line, path, found, rule, fix))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key

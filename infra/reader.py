"""Reads a tree into a frozen type, driven by the type itself, and gathers every problem instead of stopping at one."""

import re
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from infra.document import Mapping, Node, Problem, Scalar, Sequence, describe
from infra.kinds import Kind, Number, Refusal, all_of, any_of

EVERYONE = "{who}"  # stands in a rule for the environments that it concerns, filled when all are read
BAD: Any = object()


@dataclass(frozen=True)
class Found:
    """A value that was read, and where: rules that span several values speak of it."""

    value: Any
    line: int
    path: str
    text: str


def settable(cls: type) -> tuple[Field[Any], ...]:
    """List the fields that a file may set."""
    return tuple(field for field in fields(cls) if not field.metadata.get("from_key"))


def unwrap(hint: Any) -> tuple[Any, bool, Kind | None, str]:
    """Take a hint apart: the type, whether nothing is allowed, its kind, and its description."""
    metadata: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        metadata = tuple(rest)
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not type(None)]
        optional, hint = len(inner) < len(get_args(hint)), inner[0]
    kind = next((item for item in metadata if isinstance(item, Kind)), None)
    return hint, optional, kind, next((item for item in metadata if isinstance(item, str)), "")


class Reader:
    """Reads one environment (or the top of the file); `found` and `problems` are its results."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}
        self.problems: list[Problem] = []

    def read(self, hint: Any, node: Node, name: str) -> Any:
        """Read `node` as `hint`, or give `BAD` after reporting why not; `name` is its dotted name in the type."""
        base, optional, kind, _ = unwrap(hint)
        if isinstance(node, Scalar) and node.kind == "broken":
            return BAD
        if optional and isinstance(node, Scalar) and node.kind == "null":
            return None
        value = self._read(base, kind, node, name)
        if value is not BAD:
            self.found[name] = Found(value, node.line, node.path, describe(node))
        return value

    def report(self, node: Node, rule: str, fix: str, found: str = "") -> Any:
        """Add a problem at `node` and give `BAD`."""
        self.problems.append(Problem(node.line, node.path, found or describe(node), rule, fix))
        return BAD

    def _read(self, base: Any, kind: Kind | None, node: Node, name: str) -> Any:
        if is_dataclass(base) and isinstance(base, type):
            return self._object(base, node, name)
        if get_origin(base) is tuple:
            return self._list(get_args(base)[0], node, name)
        if not isinstance(node, Scalar):
            return self.report(node, "One value belongs here", "Write one value")
        if get_origin(base) is Literal:
            return self._choice(get_args(base), node)
        if base is bool:
            return self._flag(node)
        if isinstance(kind, Number):
            return self._number(kind, node)
        assert kind is not None, name
        return self._worded(base, kind, node)

    def _object(self, cls: type, node: Node, name: str) -> Any:
        if not isinstance(node, Mapping):
            names = all_of(tuple(field.name for field in settable(cls)))
            return self.report(node, f"Keys belong here: {names}", "Write them indented below")
        known = {field.name: field for field in settable(cls)}
        self.problems.extend(unknown_keys(node, tuple(known)))
        values = {key: self._member(field, node, name) for key, field in known.items()}
        if any(value is BAD for value in values.values()) or any(key not in known for key in node.items):
            return BAD
        keyed = {field.name: None for field in fields(cls) if field.metadata.get("from_key")}
        return cls(**keyed, **{key: value for key, value in values.items() if value is not MISSING})

    def _member(self, field: Field[Any], node: Mapping, name: str) -> Any:
        path = f"{name}.{field.name}" if name else field.name
        if field.name in node.items:
            return self.read(field.type, node.items[field.name], path)
        if field.default is not MISSING:
            self._defaults(field, field.default, node, path)
            return MISSING
        where = f"{node.path}." if node.path else ""
        rule = f"{EVERYONE} it"
        self.problems.append(Problem(node.line, f"{where}{field.name}", "nothing", rule, f"Add {sample(field)}"))
        return BAD

    def _defaults(self, field: Field[Any], value: Any, node: Node, name: str) -> None:
        """Note a default, and those inside it, as if they were written where the key would be."""
        kind = unwrap(field.type)[2]
        shown = kind.show(value) if kind and value is not None else str(value)
        self.found[name] = Found(value, node.line, node.path, f"{shown}, the default of {field.name}")
        if is_dataclass(value):
            for inner in settable(type(value)):
                self._defaults(inner, getattr(value, inner.name), node, f"{name}.{inner.name}")

    def _list(self, hint: Any, node: Node, name: str) -> Any:
        if not isinstance(node, Sequence):
            written = describe(node) if isinstance(node, Scalar) and node.kind != "null" else "one, two"
            return self.report(node, "A list belongs here", f"Write [{written}]")
        values = [self.read(hint, item, f"{name}[{index}]") for index, item in enumerate(node.items)]
        if not values and not name.endswith("require"):
            return self.report(node, "A list names at least one", "Add one", "an empty list")
        twice = [index for index, value in enumerate(values) if value is not BAD and value in values[:index]]
        if twice and "commands" not in name:
            return self.report(node.items[twice[0]], "A list names each once", "Remove one of the two")
        return BAD if any(value is BAD for value in values) else tuple(values)

    def _choice(self, choices: tuple[str, ...], node: Scalar) -> Any:
        if node.kind == "str" and node.text in choices:
            return node.text
        return self.report(node, f"It is {any_of(choices)}", f"Write {closest(node.text, choices) or choices[0]}")

    def _flag(self, node: Scalar) -> Any:
        if node.plain and node.text in ("true", "false"):
            return node.text == "true"
        meant = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
        wanted = meant.get(node.text.lower(), "true or false")
        return self.report(node, "It is true or false, without quotes", f"Write {wanted}")

    def _number(self, kind: Number, node: Scalar) -> Any:
        if not (node.plain and re.fullmatch("-?(0|[1-9][0-9]*)", node.text)):
            digits = node.text.strip().replace("_", "").lstrip("0")
            fix = f"Write {digits}" if digits.isdigit() else f"Write it like {kind.show(kind.at_least)}"
            return self.report(node, "A plain whole number belongs here, without quotes and unit", fix)
        value = kind.read(int(node.text[:18]))  # Python reads no more than 4,300 digits; 18 are out of every range.
        return self.report(node, value.rule, value.fix) if isinstance(value, Refusal) else value

    def _worded(self, base: Any, kind: Any, node: Scalar) -> Any:
        if node.kind == "null":
            return self.report(node, "A value belongs here", f"Write it like {kind.example}")
        if base is str and node.kind != "str":
            return self.report(node, "Text belongs here", f'Put it in quotes: "{node.text}"')
        value = kind.read(node.text)
        return self.report(node, value.rule, value.fix) if isinstance(value, Refusal) else value


def unknown_keys(node: Mapping, known: tuple[str, ...]) -> Iterator[Problem]:
    """Report keys of `node` that are not `known`, each with the key that was probably meant."""
    for key, value in node.items.items():
        if key not in known:
            section = value.path.rpartition(".")[0]
            written = {name for name in known if name in node.items and node.items[name].path.startswith(f"{section}.")}
            meant = closest(key, tuple(name for name in known if name not in written))
            rule = f"The keys here are {all_of(known)}"
            fix = f"Write {meant}" if meant else "Remove it"
            yield Problem(node.lines[key], value.path, "an unknown key", rule, fix)


def closest(text: str, choices: tuple[str, ...]) -> str | None:
    """Give the choice that `text` was probably meant to be."""
    import difflib  # only a mistake needs it

    return next(iter(difflib.get_close_matches(text.lower(), choices, 1)), None)


def sample(field: Field[Any]) -> str:
    """Write a line that could be added for `field`."""
    base, _, kind, _ = unwrap(field.type)
    if is_dataclass(base):
        return f"{field.name}: with its keys below"
    if get_origin(base) is tuple:
        inner = unwrap(get_args(base)[0])[2]
        return f"{field.name}: [{getattr(inner, 'example', 'one')}]"
    if isinstance(kind, Number):
        return f"{field.name}: {kind.at_least}"
    return f"{field.name}: {getattr(kind, 'example', 'true')}"

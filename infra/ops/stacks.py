"""The stacks of this checkout: which there are, and where each keeps its configuration.

Two kinds. A *tracked* stack is described by ``Pulumi.<stack>.yaml`` in the checkout and lives in whatever backend and
with whatever passphrase its owner chose. A *local* stack is made here: its state, configuration, salt and generated
passphrase are in the project home, and nothing tracked changes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from infra import paths
from infra.errors import UserError
from infra.ops.typed import typed

DEFAULT = "local"
ENVIRONMENTS = ("local", "preview", "staging", "production")
TARGETS = ("local", "docker", "aws")
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?")
_NO_KEYS = ("an empty file", "a list", "a single value")
_PLAIN_VALUES = (
    ("bool", "true|false", "tf"),
    ("int", "-?(0|[1-9][0-9]{0,17})", "-0123456789"),
    ("null", "~|null|", ["~", "n", ""]),
    ("merge", "<<", "<"),
)


@dataclass(frozen=True)
class Stack:
    """A stack by name; ``local`` ones are of the local target and made by this command."""

    name: str
    local: bool
    config_file: Path


@dataclass(frozen=True)
class Settings:
    """What a stack's configuration says in the namespace ``pitchbar``, as text."""

    values: Mapping[str, str]

    def get(self, key: str, default: str) -> str:
        """A value, or what holds without it."""
        return self.values.get(key, default)


def checked_name(name: str) -> str:
    """The name, if it can be one: it becomes a part of host names and of paths of sockets."""
    if _NAME.fullmatch(name):
        return name
    raise UserError(
        f"{name!r} can't be the name of a stack: it takes 1 to 24 lower-case letters, digits and hyphens, begins with "
        "a letter and does not end with a hyphen, because it becomes a part of host names. "
        f"Try `-s {_nearest(name)}`."
    )


def find(name: str) -> Stack | None:
    """The stack of this name, or None where nobody has made or described it."""
    checked_name(name)
    if paths.stack_config_file(name).is_file():
        return Stack(name, True, paths.stack_config_file(name))
    if tracked_file(name).is_file():
        return Stack(name, False, tracked_file(name))
    return None


def known(name: str) -> Stack:
    """The stack of this name. Raises `UserError` with the command that makes it."""
    stack = find(name)
    if stack:
        return stack
    others = names()
    there = f" There {'is' if len(others) == 1 else 'are'} {', '.join(others)}." if others else ""
    raise UserError(f"There is no stack {name!r} here.{there} To make it, type: {typed(f'up -s {name}')}")


def is_on_aws(stack: Stack) -> bool:
    """Whether the stack's target is aws."""
    return not stack.local and settings(stack).get("target", "local") == "aws"


def must_be_here(name: str) -> None:
    """Raise `UserError` for a stack whose processes are elsewhere."""
    stack = find(name)
    if stack and not stack.local and settings(stack).get("target", "local") != "local":
        target = settings(stack).get("target", "local")
        raise UserError(
            f"Stack {name} is of target {target}, so its processes are not on this machine. "
            f"To check it from outside, type: {typed(f'verify -s {name}')}"
        )


def names() -> list[str]:
    """Every stack that is made or described here."""
    found = [*(paths.home() / "stacks").glob("Pulumi.*.yaml"), *paths.project_root().glob("Pulumi.*.yaml")]
    return sorted({file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in found})


def tracked_file(name: str) -> Path:
    """Where a tracked stack is described."""
    return paths.project_root() / f"Pulumi.{name}.yaml"


def make_home() -> Path:
    """Make the project home, which is its owner's alone; return the folder of the local stacks."""
    folder = paths.home() / "stacks"
    for private in (paths.home(), folder):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def settings(stack: Stack) -> Settings:
    """What the stack's configuration says; encrypted values are left out."""
    entries = read_yaml(stack.config_file).get("config") or {}
    if not isinstance(entries, dict):
        raise UserError(f"{stack.config_file}: below `config` belong keys, such as pitchbar:environment: local.")
    prefix = "pitchbar:"
    return Settings(
        {
            str(key).removeprefix(prefix): str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in entries.items()
            if str(key).startswith(prefix) and isinstance(value, str | int | float | bool)
        }
    )


def project_name() -> str:
    """The project's name in Pulumi.yaml."""
    return str(read_yaml(paths.project_root() / "Pulumi.yaml")["name"])


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file of Pulumi's, in which only true, false, null and plain whole numbers are more than text: what it says
    is written again, and `yes`, 1e3 or 12:30 must not become something else on the way.

    Raises `UserError` where it can't be read, with every duplicate key.
    """
    import yaml

    from infra.document import Problem, parse

    problems: list[Problem] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
        parse(text, problems)
        wrong = [problem for problem in problems if problem.found not in _NO_KEYS]
        document = None if wrong else yaml.load(text, Loader=_loader())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} can't be read: {' '.join(str(error).split())}.") from None
    if wrong:
        raise UserError(f"{path} can't be read:", [f"line {problem.line}: {problem}" for problem in wrong])
    if document is not None and not isinstance(document, dict):
        raise UserError(f"{path} is not a file of Pulumi's: it has no keys.")
    return document or {}


def _loader() -> Any:
    """The library's, which knows YAML 1.1, with fewer kinds of plain values."""
    from infra.document import Loader

    class Plain(Loader):  # type: ignore[misc]
        """Leaves floats, dates, octal and sexagesimal numbers, yes and no as they are written."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for kind, pattern, begins in _PLAIN_VALUES:
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"(?:{pattern})\Z"), list(begins))
    return Plain


def _nearest(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:24].strip("-")
    return plain or "rehearsal"

"""The one parser of `infra/cloud.yaml`: a `Cloud` without a fault, or one error that names every fault at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

from infra.document import Mapping, Node, Problem, Scalar, describe, overlay, parse
from infra.errors import UserError
from infra.kinds import all_of
from infra.model import Cloud, Environment, EnvironmentName, Name, Region
from infra.reader import BAD, EVERYONE, Reader, closest, unknown_keys
from infra.rules import Values, contradictions, shared_hosts, shared_networks

CLOUD_FILE = Path(__file__).with_name("cloud.yaml")
ENVIRONMENTS: tuple[EnvironmentName, ...] = get_args(EnvironmentName)
TOP_KEYS = ("name", "region", "defaults", "environments")


def load(path: Path = CLOUD_FILE) -> Cloud:
    """Read `path`; what is wrong with it is raised as one `UserError` with a line for each mistake."""
    problems: list[Problem] = []
    cloud: Cloud | None = None
    text = _text(path, problems)
    root = parse(text, problems) if text is not None else None
    if root is not None:
        cloud = _cloud(root, problems)
    if problems or cloud is None:
        raise _refusal(path, problems)
    return cloud


def environment(cloud: Cloud, name: str) -> Environment:
    """Give the environment called `name`."""
    for candidate in cloud.environments:
        if candidate.name == name:
            return candidate
    known = tuple(candidate.name for candidate in cloud.environments)
    meant = closest(name, known) or known[0]
    raise UserError(
        f'There is no environment "{name}": infra/cloud.yaml has {all_of(known)}.'
        f" Choose one: `pulumi config set pitchbar:environment {meant}`."
    )


def _cloud(root: Mapping, problems: list[Problem]) -> Cloud | None:
    problems.extend(unknown_keys(root, TOP_KEYS))
    top = Reader()
    name = _top(top, root, "name", Name)
    region = _top(top, root, "region", Region) if "region" in root.items else Cloud.region
    problems.extend(top.problems)
    environments = _environments(root, problems)
    if problems:
        return None
    return Cloud(name=name, region=region, environments=environments)


def _top(reader: Reader, root: Mapping, key: str, hint: object) -> str:
    if key in root.items:
        return str(reader.read(hint, root.items[key], key))
    reader.report(Scalar(root.line, key, "null", "", True), "The product has a name", "Add name: pitchbar")
    return str(BAD)


def _environments(root: Mapping, problems: list[Problem]) -> tuple[Environment, ...]:
    defaults = _mapping(root, "defaults", problems)
    overrides = _mapping(root, "environments", problems)
    problems.extend(unknown_keys(overrides, ENVIRONMENTS))
    result: list[Environment] = []
    values: dict[str, Values] = {}
    mistakes: dict[tuple[int, str, str, str], tuple[Problem, list[str]]] = {}
    for name in ENVIRONMENTS:
        if name not in overrides.items:
            where = Scalar(overrides.line, f"environments.{name}", "null", "", True)
            rule = f"The environments are {all_of(ENVIRONMENTS)}"
            problems.append(Problem(where.line, where.path, "nothing", rule, f"Add {name}: with its keys below"))
            continue
        reader = Reader()
        read = reader.read(Environment, overlay(defaults, _mapping(overrides, name, problems)), "")
        values[name] = reader.found
        for problem in (*reader.problems, *contradictions(name, reader.found)):
            key = (problem.line, problem.path, problem.found, problem.rule)
            mistakes.setdefault(key, (problem, []))[1].append(name)
        if read is not BAD:
            result.append(replace(read, name=name))
    problems.extend(_named(problem, names, overrides) for problem, names in mistakes.values())
    problems.extend(shared_hosts(values))
    problems.extend(shared_networks(values))
    return tuple(result)


def _mapping(parent: Mapping, key: str, problems: list[Problem]) -> Mapping:
    """Give the mapping at `key` of `parent`, an empty one where nothing was written."""
    path = f"{parent.path}.{key}" if parent.path else key
    node: Node = parent.items.get(key, Mapping(parent.line, path, {}))
    if isinstance(node, Mapping):
        return node
    if not (isinstance(node, Scalar) and node.kind in ("null", "broken")):
        problems.append(Problem(node.line, path, describe(node), "Keys belong here", "Write them indented below"))
    return Mapping(node.line, path, {})


def _named(problem: Problem, names: list[str], overrides: Mapping) -> Problem:
    """Say who needs what is missing; what only one environment needs is missed in its own section."""
    if EVERYONE not in problem.rule:
        return problem
    if len(names) == len(ENVIRONMENTS):
        who = "Every environment needs"
    elif len(names) == 1:
        who = f"Environment {names[0]} needs"
        path = f"environments.{names[0]}.{problem.path.removeprefix('defaults.')}"
        if problem.path.startswith("defaults."):
            problem = replace(problem, line=overrides.lines[names[0]], path=path)
    else:
        who = f"Environments {all_of(tuple(names))} need"
    return replace(problem, rule=problem.rule.replace(EVERYONE, who))


def _text(path: Path, problems: list[Problem]) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        fix = "git checkout infra/cloud.yaml" if path == CLOUD_FILE else f"ls -l {path.parent}"
        raise UserError(
            f"Cannot read {_shown(path)}: {error.strerror}. See what is there, or restore it: `{fix}`."
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x}"
        problems.append(Problem(line, "", found, "The file is UTF-8 text", "Save it as UTF-8"))
        return None


def _refusal(path: Path, problems: Iterable[Problem]) -> UserError:
    ordered = sorted(set(problems))
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    shown = _shown(path)
    return UserError(f"{shown} has {count}:", [f"{shown}:{problem.line}: {problem}" for problem in ordered])


def _shown(path: Path) -> str:
    """Name the file as a person in the current folder would."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

"""The project's layers: facts <- plans <- effects. Imports point downward, and every module has its place below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACTS, PLANS, EFFECTS = 0, 1, 2
LAYERS = {
    FACTS: (
        "infra infra.errors infra.kinds infra.document infra.reader infra.rules infra.model infra.capabilities "
        "infra.load infra.schema infra.stack_config infra.commands infra.domains infra.wiring infra.paths "
        "infra.toolchain infra.backups infra.cloud_names infra.packages"
    ),
    PLANS: "infra.release.* infra.resources infra.targets.* infra.edge.* infra.policy.*",
    EFFECTS: (
        "infra.app_environment infra.building infra.checks infra.cli infra.cli_backups infra.cli_cloud infra.cli_look "
        "infra.cli_queue infra.empty_cluster infra.endpoints infra.lifeline infra.pusher infra.ops.* infra.provider.* "
        "infra.targets.aws.probe.* stacks.*"
    ),
}
"""Each module of `infra` and `stacks`; with a star, a package and all that is in it."""
PLACES = {place: layer for layer, places in LAYERS.items() for place in places.split()}


def _layer(module: str) -> int | None:
    """Where a module belongs: by its own name, else by the package that it is in."""
    parts = module.split(".")
    packages = (".".join(parts[:count]) + ".*" for count in range(len(parts), 0, -1))
    return next((PLACES[name] for name in (module, *packages) if name in PLACES), None)


_EFFECTFUL = ("subprocess", "socket", "http", "urllib", "asyncio", "grpc", "supervisor")
OUTSIDE = {
    "facts touch nothing": (FACTS, {*_EFFECTFUL, "pulumi"}),
    "plans only declare": (PLANS, {*_EFFECTFUL}),
}
APART = {
    "infra.provider": ("infra.targets", "infra.resources", "infra.ops", "infra.cli", "stacks"),
    "infra.ops": ("infra.targets", "infra.resources", "infra.cli", "stacks"),
    "infra.targets.local": ("infra.targets.aws", "infra.targets.docker"),
    "tools": ("infra.provider", "infra.ops", "infra.cli", "infra.targets", "infra.resources", "infra.load", "stacks"),
}
"""Parts of one layer, or of none, that don't know each other."""

LINES = 300
OURS = ("infra", "stacks", "tools", "tests")


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts):
                yield path


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in files("infra", "stacks", "tools")}
LAYER = {module: layer for module in MODULES if (layer := _layer(module)) is not None}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it; ``from package import module`` counts as the module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys() or {str(node.module)}
    return found


def own_imports(module: str) -> set[str]:
    return {name for name in imports(MODULES[module]) if name.partition(".")[0] in OURS}


def test_every_module_has_a_place_and_every_place_a_module() -> None:
    assert {module for module in MODULES if not module.startswith("tools")} == set(LAYER)
    assert {place.removesuffix(".*") for place in PLACES} <= MODULES.keys()


def test_no_module_has_two_places() -> None:
    assert len(PLACES) == sum(len(places.split()) for places in LAYERS.values())


@pytest.mark.parametrize("module", sorted(LAYER))
def test_imports_point_downward(module: str) -> None:
    upward = {name for name in own_imports(module) if LAYER.get(name, EFFECTS + 1) > LAYER[module]}
    assert upward == set()


@pytest.mark.parametrize("rule", sorted(OUTSIDE))
def test_a_layer_stays_away_from_what_has_effects(rule: str) -> None:
    layer, forbidden = OUTSIDE[rule]
    found = {
        (module, name)
        for module in LAYER
        if LAYER[module] == layer
        for name in imports(MODULES[module])
        if name.partition(".")[0] in forbidden and name != "urllib.parse"
    }
    assert found == set()


@pytest.mark.parametrize("part", sorted(APART))
def test_parts_that_dont_know_each_other(part: str) -> None:
    found = {
        (module, name)
        for module in MODULES
        if module == part or module.startswith(f"{part}.")
        for name in own_imports(module)
        for stranger in APART[part]
        if name == stranger or name.startswith(f"{stranger}.")
    }
    assert found == set()


def test_nothing_of_the_project_is_imported_from_its_tests() -> None:
    assert {(module, name) for module in MODULES for name in own_imports(module) if name.startswith("tests")} == set()


def test_the_app_and_the_platform_dont_import_each_other() -> None:
    app = {name.partition(".")[0] for path in files("app") for name in imports(path)}
    assert app & {"infra", "stacks", "tools", "tests", "pulumi"} == set()
    assert "pitchbar_app" not in {name.partition(".")[0] for path in MODULES.values() for name in imports(path)}


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    every = {
        path.relative_to(ROOT): len(path.read_bytes().splitlines())
        for path in files("infra", "stacks", "tools", "app", "tests")
    }
    assert {str(path): lines for path, lines in every.items() if lines >= LINES} == {}


def test_the_walk_sees_the_project() -> None:
    """A test whose files are not found would pass for ever."""
    assert {
        "infra.model",
        "infra.provider.local.service",
        "stacks.__main__",
        "tools.provision.__main__",
    } <= MODULES.keys()
    assert imports(Path(__file__)) == {"ast", "collections.abc", "pathlib", "pytest"}

"""The reference itself: complete, commented, and what operators were promised."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, FrozenInstanceError, is_dataclass
from pathlib import Path
from typing import Any, get_origin

import pytest
import yaml

from infra.commands import command_line
from infra.domains import hosts
from infra.load import CLOUD_FILE, environment, load
from infra.model import Cloud, Environment, Process
from infra.reader import settable, unwrap
from infra.stack_config import parse_stack_config

PROMISES = Path(__file__).with_name("promises.md").read_text(encoding="utf-8")
ROOT = CLOUD_FILE.parent.parent
ACCOUNTS = {
    "pitchbar:account": "123456789012",
    "pitchbar:zone": "0" * 32,
    "pitchbar:cloudflare-account": "0" * 32,
}
"""What a tracked stack leaves to its owner."""
NAMES = ("preview", "staging", "production", "local")


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load()


@pytest.fixture(scope="module")
def production(cloud: Cloud) -> Environment:
    return environment(cloud, "production")


def keys(cls: type, path: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through all keys that a file may say, with their fields."""
    for field in settable(cls):
        name = f"{path}.{field.name}" if path else field.name
        yield name, field
        base = unwrap(field.type)[0]
        if is_dataclass(base) and isinstance(base, type):
            yield from keys(base, name)


@pytest.mark.parametrize(
    ("name", "field"), [*keys(Cloud), *keys(Environment)], ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_is_in_the_reference_with_its_default(name: str, field: Any, reference: str) -> None:
    key = re.escape(field.name)
    written = re.findall(rf"^ *(?:# )?{key}: *(.*(?:\n +#.*)*)", reference, re.MULTILINE)
    assert written, f"{name} is not in infra/cloud.yaml"
    if field.default is MISSING or is_dataclass(field.default):
        return
    kind = unwrap(field.type)[2]
    base = unwrap(field.type)[0]
    default = f"default {spelt(field.default, kind, base)}"
    if field.default is None:
        default = "default: "
    assert any(default in text for text in written), f"{name} says nowhere '{default}'"


def spelt(value: Any, kind: Any, base: Any) -> str:
    """Spell a default as the reference does."""
    if get_origin(base) is tuple:
        return f"[{', '.join(value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(kind.show(value) if kind else value)


def test_every_line_of_the_defaults_that_sets_a_value_is_explained_once(reference: str) -> None:
    defaults = reference[reference.index("\ndefaults:") : reference.index("\nenvironments:")]
    explained: set[str] = set()
    for line in defaults.splitlines():
        match = re.match(r" +([a-z_]+): +[^#\s][^#]*(#.*)?$", line)
        if match and match[2]:
            explained.add(match[1])
        elif match and match[1] not in explained:
            assert match[1] in {"bundled", "laravel", "cpu", "memory", "min", "max"} or "{" in line, line


def test_the_four_environments_are_complete_in_order(cloud: Cloud) -> None:
    assert cloud.name == "pitchbar"
    assert tuple(environment.name for environment in cloud.environments) == NAMES
    for one in cloud.environments:
        assert tuple(process.name for process in one.processes) == ("app", "worker", "realtime")
        assert one.purpose.endswith(".")


def test_facts_are_frozen(production: Environment) -> None:
    with pytest.raises(FrozenInstanceError):
        production.postgres.disk = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", ["app", "worker", "realtime"])
def test_processes_have_the_promised_sizes(name: str, production: Environment) -> None:
    row = re.search(rf"^\| {name.title()} \| (\d+) instances? x (\d+) vCPU / (\d+) GB \|$", PROMISES, re.MULTILINE)
    assert row
    process: Process = getattr(production.processes, name)
    assert (process.scaling.min, process.cpu, process.memory) == (int(row[1]), float(row[2]), int(row[3]) * 1024)


def test_data_stores_are_as_promised(production: Environment) -> None:
    row = re.search(r"^\| Postgres \| (\d+) vCPU / (\d+) GB / (\d+) GB SSD \|$", PROMISES, re.MULTILINE)
    assert row
    postgres = production.postgres
    assert (postgres.cpu, postgres.memory, postgres.disk) == (float(row[1]), int(row[2]) * 1024, int(row[3]) * 1024)
    assert f"Postgres: {postgres.version}, with daily backups." in PROMISES
    assert f"Redis: {production.redis.version}, persistent." in PROMISES
    assert f"| Redis | {production.redis.memory // 1024} GB |" in PROMISES
    assert production.redis.persistent
    assert production.storage.versioned


def test_backups_tick_and_region_are_as_promised(cloud: Cloud, production: Environment) -> None:
    backups, tick = production.backups, production.queue_tick
    assert f"daily snapshots, retained {backups.retention} days; point-in-time recovery enabled." in PROMISES
    assert backups.daily
    assert backups.pitr
    assert (
        f"Queue tick: every {tick.interval} seconds, --max-time={tick.max_time}, --job-timeout={tick.job_timeout},"
        f" queues {', '.join(tick.queues)}." in PROMISES
    )
    worker = production.processes.worker
    assert worker.queues == tick.queues
    assert f"Per-job timeout of the worker is {worker.job_timeout} seconds." in PROMISES
    assert f"Region: {cloud.region} by default." in PROMISES


def test_the_laravel_profile_runs_the_promised_commands(production: Environment) -> None:
    line = command_line(production.migration.commands, "laravel")
    assert f"Migration: {' '.join(line)}" in PROMISES
    assert [command_line(process.commands, "laravel", port=8000)[:3] for process in production.processes] == [
        ("php", "artisan", "octane:frankenphp"),
        ("php", "artisan", "horizon"),
        ("php", "artisan", "reverb:start"),
    ]


def test_environments_differ_as_their_comments_say(cloud: Cloud, production: Environment) -> None:
    staging, local, preview = (environment(cloud, name) for name in ("staging", "local", "preview"))
    assert staging.processes == production.processes
    assert (production.protect, production.postgres.multi_az, production.redis.failover) == (True, True, True)
    assert (staging.protect, staging.postgres.multi_az, staging.redis.failover) == (False, False, False)
    assert not preview.backups.pitr
    assert [process.scaling.max for process in preview.processes] == [1, 1, 1]
    assert [process.scaling.max for process in local.processes] == [1, 3, 1]


def stack_file(stack: str) -> dict[str, str]:
    """Read the tracked configuration of a stack, as Pulumi hands it over."""
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    config: dict[str, str] = yaml.safe_load(text)["config"]
    return config


def test_tracked_stacks_have_the_promised_domains_and_no_two_the_same(cloud: Cloud) -> None:
    seen: set[str] = set()
    for name in ("production", "staging", "preview"):
        stack = "pr-12" if name == "preview" else name
        config = parse_stack_config({**stack_file(name), **ACCOUNTS}, stack)
        assert (config.environment, config.target, config.region) == (name, "aws", cloud.region)
        names = hosts(environment(cloud, name).domains, config.domain or "", stack)
        if name == "production":
            assert f"Domains: {names.app}, {names.cdn}, {names.realtime}" in PROMISES
        assert seen.isdisjoint((names.app, names.cdn or "", names.realtime))
        seen.update((names.app, names.cdn or "", names.realtime))


def test_loading_stays_lean() -> None:
    code = "import sys, infra.load; infra.load.load(); print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"pulumi", "pydantic", "grpc", "difflib", "asyncio", "jsonschema"}
    assert heavy.isdisjoint(modules.stdout.split())

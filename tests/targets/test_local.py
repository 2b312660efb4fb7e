"""What the local target makes of each environment, seen by the recording engine."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.commands import command_line
from infra.load import environment, load
from infra.model import Environment, Process, Served, Worker
from infra.release.runtime import render, to_json
from infra.stack_config import ROTATED
from tests.support.engine import Recording, Registered
from tests.targets.conftest import RELEASE, landed, pool_of, supervised

SERVICE, SECRET = "pitchbar:local:Service", "pitchbar:index:Secret"
STACK, COMPONENT = "pulumi:pulumi:Stack", "pitchbar:local:Environment"


def services(recording: Recording) -> dict[str, Registered]:
    found = recording.of(SERVICE)
    by_process = {str(service.inputs["process"]): service for service in found}
    assert len(by_process) == len(found), "two Services of one process"
    return by_process


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


def test_there_is_one_component_under_the_stack_and_everything_else_is_inside_it(recording: Recording) -> None:
    component = recording.one(COMPONENT)
    assert component.parent.split("::")[2] == STACK
    assert {resource.parent for resource in recording if resource is not component} == {component.urn}


def test_it_is_made_of_these(recording: Recording, wanted: Environment) -> None:
    assert sorted((resource.type.rpartition(":")[2], resource.name) for resource in recording) == [
        *([("BackupServer", "backup")] if wanted.backups.daily else []),
        ("CronRuntime", "cron-runtime"),
        ("CronWorker", "cron-worker"),
        ("Environment", "st"),
        ("Gateway", "gateway"),
        ("Migration", "migration"),
        ("Postgres", "postgres"),
        ("Redis", "redis"),
        ("Release", "release"),
        ("Route", "route"),
        *(
            ("Secret", f"{name}")
            for name in (
                "admin-password",
                "app-key",
                "database-password",
                "queue-token",
                "realtime-key",
                "realtime-secret",
                "redis-password",
            )
        ),
        ("Service", "app"),
        ("Service", "realtime"),
        ("Service", "worker"),
        ("Supervisor", "supervisor"),
        ("Verification", "verification"),
    ]


def test_every_process_of_the_model_has_one_service(recording: Recording, wanted: Environment) -> None:
    assert services(recording).keys() == {process.name for process in wanted.processes}


def test_a_service_is_what_the_model_says(recording: Recording, wanted: Environment) -> None:
    for process in wanted.processes:
        inputs = services(recording)[process.name].inputs
        assert {name: inputs[name] for name in inputs if name != "environment"} == {
            "directory": "/data/st",
            "process": process.name,
            "release": RELEASE,
            "path": "release.path",
            "command": expected_command(process, wanted),
            "replicas": supervised(process),
            "health_path": process.ready_path if isinstance(process, Served) else "",
            "ready_timeout": process.health.deadline,
            "stop_timeout": process.stop_timeout,
        }


def expected_command(process: Process, wanted: Environment) -> list[str]:
    queues = process.queues if isinstance(process, Worker) else ()
    line = command_line(process.commands, wanted.runtime, listen="unix:{socket}", queues=queues)
    assert line[0] == "python"
    return ["release.python", *line[1:]]


def test_a_process_is_told_everything_that_the_app_asks_for(recording: Recording, wanted: Environment) -> None:
    for process in wanted.processes:
        told = services(recording)[process.name].inputs["environment"]
        assert told == {
            "APP_ENV": wanted.name,
            "APP_RELEASE": RELEASE,
            "APP_PROCESS": process.name,
            "APP_KEY": "app-key.value",
            "APP_PREVIOUS_KEYS": "app-key.previous",
            "APP_URL": f"http://{host(wanted, 'app')}:20007",
            "ADMIN_PASSWORD": "admin-password.value",
            "BROADCAST_CONNECTION": "reverb",
            "DB_CONNECTION": "pgsql",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": "20008",
            "DB_DATABASE": "pitchbar",
            "DB_USERNAME": "pitchbar",
            "DB_PASSWORD": "database-password.value",
            "DB_SSLMODE": "prefer",
            "INTERNAL_QUEUE_TOKEN": "queue-token.value",
            "INTERNAL_QUEUE_TOKEN_PREVIOUS": "queue-token.previous",
            "QUEUE_CONNECTION": "redis",
            **({"QUEUES": ",".join(process.queues)} if isinstance(process, Worker) else {}),
            **(pool_of(process) if isinstance(process, Worker) else {}),
            "REDIS_SCHEME": "tcp",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": "20005",
            "REDIS_PASSWORD": "redis-password.value",
            "REVERB_APP_ID": "1",
            "REVERB_APP_KEY": "realtime-key.value",
            "REVERB_APP_SECRET": "realtime-secret.value",
            "REVERB_HOST": host(wanted, "realtime"),
            "REVERB_PORT": "20007",
            "REVERB_SCHEME": "http",
            "STOP_TIMEOUT": str(process.stop_timeout),
            "WIDGET_URL": f"http://{host(wanted, 'cdn')}:20007/widget/widget.js",
        }


def host(wanted: Environment, name: str) -> str:
    return f"{name}-st.st.localhost" if wanted.name == "preview" else f"{name}.st.localhost"


def test_every_secret_stays_a_secret_wherever_it_goes(recording: Recording) -> None:
    generated = {f"{secret.name}.{part}" for secret in recording.of(SECRET) for part in ("value", "previous")}
    seen = set()
    for resource in recording:
        for path, value in leaves(dict(resource.inputs), ""):
            path = path.removeprefix(".")
            if value in generated:
                seen.add(value)
                assert path in resource.secrets or path.partition(".")[0] in resource.secrets, (
                    f"{path} of {resource.name}"
                )
    unused = generated - seen
    assert unused == {f"{secret.name}.previous" for secret in recording.of(SECRET) if secret.name not in ROTATED}


def test_nothing_else_is_a_secret(recording: Recording) -> None:
    for resource in recording:
        values = dict(leaves(dict(resource.inputs), ""))
        for path in resource.secrets:
            assert str(values[f".{path}"]).endswith((".value", ".previous")), f"{path} of {resource.name}"


def test_each_secret_has_its_kind(recording: Recording) -> None:
    assert {secret.name: secret.inputs["kind"] for secret in recording.of(SECRET)} == {
        "app-key": "key",
        "admin-password": "password",
        "database-password": "token",
        "redis-password": "token",
        "queue-token": "token",
        "realtime-key": "token",
        "realtime-secret": "token",
    }


def test_everything_on_this_machine_waits_for_its_supervisor(recording: Recording) -> None:
    supervisor = recording.one("pitchbar:local:Supervisor").urn
    for resource in recording:
        if resource.type.startswith("pitchbar:local:") and resource.type not in (
            COMPONENT,
            "pitchbar:local:Supervisor",
        ):
            assert supervisor in recording.needs(resource.urn), resource.name


def test_data_services_and_gateway_start_beside_each_other(recording: Recording) -> None:
    own = {recording.one(f"pitchbar:local:{name}").urn for name in ("Postgres", "Redis", "Gateway", "Release")}
    for urn in own:
        assert recording.needs(urn) & own == set()


def test_the_order_of_a_roll_out(recording: Recording) -> None:
    """Release, then Migration, then the Services beside each other, then Verification, then the Route."""
    release, migration = recording.one("pitchbar:local:Release"), recording.one("pitchbar:local:Migration")
    verification, route = recording.one("pitchbar:local:Verification"), recording.one("pitchbar:local:Route")
    processes = {service.urn for service in recording.of(SERVICE)}
    assert release.urn in migration.dependencies
    assert recording.one("pitchbar:local:Postgres").urn in migration.dependencies
    for urn in processes:
        assert migration.urn in recording.needs(urn)
        assert recording.needs(urn) & processes == set()
    assert processes <= verification.dependencies
    assert {verification.urn, recording.one("pitchbar:local:Gateway").urn} <= route.dependencies


def test_the_migration_gets_the_database_and_nothing_more(recording: Recording, wanted: Environment) -> None:
    inputs = recording.one("pitchbar:local:Migration").inputs
    assert inputs["command"] == ["release.python", "-m", "pitchbar_app", "migrate"]
    assert (inputs["timeout"], inputs["release"], inputs["path"]) == (
        wanted.migration.deadline,
        RELEASE,
        "release.path",
    )
    assert sorted(inputs["environment"]) == [
        "APP_ENV",
        "APP_RELEASE",
        "DB_CONNECTION",
        "DB_DATABASE",
        "DB_HOST",
        "DB_PASSWORD",
        "DB_PORT",
        "DB_SSLMODE",
        "DB_USERNAME",
    ]


def test_verification_asks_every_replica_of_these_very_processes(recording: Recording, wanted: Environment) -> None:
    inputs = recording.one("pitchbar:local:Verification").inputs
    assert inputs["generations"] == {process.name: f"{process.name}.generation" for process in wanted.processes}
    assert inputs["replicas"] == {process.name: supervised(process) for process in wanted.processes}
    assert (inputs["queue_token"], inputs["realtime_key"]) == ("queue-token.value", "realtime-key.value")


def test_visitors_are_led_to_the_verified_processes(recording: Recording, wanted: Environment) -> None:
    gateway, route = recording.one("pitchbar:local:Gateway").inputs, recording.one("pitchbar:local:Route").inputs
    assert gateway["hosts"] == {
        host(wanted, "app"): "app",
        host(wanted, "cdn"): "app",
        host(wanted, "realtime"): "realtime",
    }
    assert gateway["replicas"] == {
        "app": wanted.processes.app.scaling.min,
        "realtime": wanted.processes.realtime.scaling.min,
    }
    assert route["generations"] == {"app": "app.generation", "realtime": "realtime.generation"}


def test_sizes_are_the_models(recording: Recording, wanted: Environment) -> None:
    assert recording.one("pitchbar:local:Redis").inputs["maxmemory"] == wanted.redis.memory * 1024 * 1024
    settings = recording.one("pitchbar:local:Postgres").inputs["settings"]
    assert settings == {
        "shared_buffers": f"{wanted.postgres.memory // 4}MB",
        "max_slot_wal_keep_size": f"{wanted.postgres.disk // 4}MB",
    }


def test_backups_are_kept_as_long_as_the_model_says_and_nothing_waits_for_them(
    recording: Recording, wanted: Environment
) -> None:
    found = recording.of("pitchbar:local:BackupServer")
    assert len(found) == (1 if wanted.backups.daily else 0)
    for backup in found:
        assert backup.inputs["retention"] == wanted.backups.retention
        assert not [resource.name for resource in recording if backup.urn in resource.dependencies]


def test_a_port_and_tls_reach_the_gateway_and_the_addresses() -> None:
    recording = landed(environment(load(), "local"), port=8443, tls=True)
    gateway = recording.one("pitchbar:local:Gateway").inputs
    assert (gateway["port"], gateway["tls"]) == (8443, True)
    told = services(recording)["app"].inputs["environment"]
    assert told["APP_URL"] == "https://app.st.localhost:20007"
    assert (told["REVERB_SCHEME"], told["REVERB_PORT"]) == ("https", "20007")


def test_one_host_for_app_and_widget_is_one_site() -> None:
    wanted = environment(load(), "local")
    from dataclasses import replace

    from infra.domains import hosts

    together = hosts(replace(wanted.domains, cdn=None), "st.localhost", "st")
    recording = landed(wanted, hosts=together)
    assert recording.one("pitchbar:local:Gateway").inputs["hosts"] == {
        "app.st.localhost": "app",
        "realtime.st.localhost": "realtime",
    }


def test_a_pinned_release_has_no_source() -> None:
    recording = landed(environment(load(), "local"), source="", release="fedcba987654")
    assert recording.one("pitchbar:local:Release").inputs == {
        "directory": "/data/st",
        "release": "fedcba987654",
        "runtime": to_json(render(environment(load(), "local"))),
        "source": "",
    }

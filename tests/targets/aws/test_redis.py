"""Redis: ElastiCache for an environment of its own, a container for a pull request; and the container for real."""

import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.model import Environment
from infra.stack_config import Rotation
from infra.targets.aws.redis_container import SCRIPT
from infra.targets.aws.redis_size import node_note, node_type, task_size
from infra.targets.aws.sizes import Size
from infra.toolchain import locate
from tests.support import services
from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.stores import BASE, CLUSTER, OWN, PULL_REQUEST, REGISTRY, named, statements, stores
from tests.support.engine import Registered
from tests.support.processes import PATIENCE

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
MADE = {"kmsKeyId", "subnetGroupName", "securityGroupIds", "parameterGroupName", "finalSnapshotIdentifier",
        "logDeliveryConfigurations"}  # fmt: skip
"""What comes from other resources, or is named after the stack."""


@pytest.mark.parametrize("stack", OWN)
def test_what_elasticache_is_asked_for(stack: str) -> None:
    recording, production = stores(stack), stack == "production"
    group = recording.one(GROUP)
    assert {key: value for key, value in group.inputs.items() if key not in MADE} == {
        "description": f"Sessions, queues and caches of {stack}",
        "engine": "redis",
        "engineVersion": "7.1",
        "nodeType": "cache.t4g.small",
        "numCacheClusters": 2 if production else 1,
        "automaticFailoverEnabled": production,
        "multiAzEnabled": production,
        "port": 6379,
        "transitEncryptionEnabled": True,
        "transitEncryptionMode": "required",
        "atRestEncryptionEnabled": True,
        "authToken": "redis-password.value",
        "authTokenUpdateStrategy": "ROTATE",
        "autoMinorVersionUpgrade": True,
        "applyImmediately": not production,
        "maintenanceWindow": "sun:08:00-sun:09:00",
        "snapshotWindow": "06:00-07:00",
        "snapshotRetentionLimit": 7,
    }
    assert group.inputs["kmsKeyId"] == recording.outputs["data_key_arn"]
    assert group.inputs["finalSnapshotIdentifier"].startswith(f"pitchbar-{stack}-redis-final-")
    assert group.options.protect is production
    assert group.secrets == {"authToken"}


@pytest.mark.parametrize("stack", OWN)
def test_a_full_redis_drops_no_job(stack: str) -> None:
    inputs = stores(stack).one("aws:elasticache/parameterGroup:ParameterGroup").inputs
    assert (inputs["family"], inputs["parameters"]) == (
        "redis7",
        [{"name": "maxmemory-policy", "value": "noeviction"}],
    )


@pytest.mark.parametrize("stack", OWN)
def test_its_logs_are_encrypted_and_end(stack: str) -> None:
    recording = stores(stack)
    logs = {each["logType"]: each for each in recording.one(GROUP).inputs["logDeliveryConfigurations"]}
    assert set(logs) == {"engine-log", "slow-log"}
    for kind, log in logs.items():
        group = named(recording, "LogGroup")[f"redis-{kind}"]
        assert log["destinationType"] == "cloudwatch-logs" and f"-redis-{kind}-" in log["destination"]
        assert group.inputs["kmsKeyId"] == recording.outputs["logs_key_arn"]
        assert group.inputs["retentionInDays"] == 30


@pytest.mark.parametrize("stack", OWN)
def test_nobody_reaches_it_who_didnt_ask_and_it_reaches_nobody(stack: str) -> None:
    recording = stores(stack)
    group = named(recording, "SecurityGroup")["redis"]
    assert "egress" not in group.inputs and "ingress" not in group.inputs
    assert not [each for each in recording if group.urn in each.sources.get("securityGroupId", ())]
    assert recording.outputs["redis"]["tls"] is True
    assert recording.outputs["redis"]["port"] == 6379


@pytest.mark.parametrize(("rotation", "strategy"), [(Rotation(2), "ROTATE"), (Rotation(2, retired=True), "SET")])
def test_a_rotated_password_is_accepted_beside_the_one_before_until_that_is_retired(
    rotation: Rotation, strategy: str
) -> None:
    group = stores("staging", (("redis-password", rotation),)).one(GROUP)
    assert group.inputs["authTokenUpdateStrategy"] == strategy


def service() -> Registered:
    return stores(PULL_REQUEST).one("aws:ecs/service:Service")


def container() -> dict[str, Any]:
    found = {each.name: each for each in stores(PULL_REQUEST).of("aws:ecs/taskDefinition:TaskDefinition")}
    [one] = json.loads(found["redis"].inputs["containerDefinitions"])
    return dict(one)


def test_a_pull_requests_redis_is_a_container_with_the_same_password() -> None:
    recording = stores(PULL_REQUEST)
    assert recording.of(GROUP) == ()
    defined = container()
    assert defined["image"] == REGISTRY.redis_image
    assert defined["command"] == ["sh", "-ceu", SCRIPT.format(port=6379, memory=256)]
    assert defined["environment"] == []
    assert defined["secrets"] == [{"name": "REDIS_PASSWORD", "valueFrom": recording.outputs["REDIS_PASSWORD"]}]
    assert defined["portMappings"] == [{"containerPort": 6379, "hostPort": 6379, "protocol": "tcp"}]
    assert (defined["readonlyRootFilesystem"], defined["mountPoints"], defined["user"]) == (True, [], "10001:10001")
    assert defined["healthCheck"]["command"] == [
        "CMD-SHELL",
        'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli ping | grep -q PONG',
    ]


def test_there_is_never_a_second_one_beside_it() -> None:
    inputs = service().inputs
    assert {key: inputs[key] for key in inputs if key not in ("taskDefinition", "networkConfiguration")} == {
        "cluster": CLUSTER.arn,
        "desiredCount": 1,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "deploymentMinimumHealthyPercent": 0,
        "deploymentMaximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "serviceRegistries": inputs["serviceRegistries"],
        "propagateTags": "SERVICE",
        "enableEcsManagedTags": True,
        "waitForSteadyState": True,
    }
    network = inputs["networkConfiguration"]
    assert network["subnets"] == ["subnet-private-a", "subnet-private-b"] and network["assignPublicIp"] is False
    for each in stores(PULL_REQUEST):
        if each.type.startswith("aws:vpc/") and each.name.startswith("redis-to-"):
            assert each.urn in service().dependencies


def test_it_has_a_private_name_of_its_own_on_the_base() -> None:
    recording = stores(PULL_REQUEST)
    name = recording.one("aws:servicediscovery/service:Service").inputs
    assert name["name"] == "redis-pr-12" and name["forceDestroy"] is True
    assert name["dnsConfig"]["namespaceId"] == CLUSTER.namespace_id
    assert recording.outputs["redis"] == {"host": "redis-pr-12.base.pitchbar.internal", "port": 6379, "tls": False}


def test_ecs_may_read_for_it_its_password_and_no_other_secret() -> None:
    recording = stores(PULL_REQUEST)
    policy = statements(named(recording, "RolePolicy")["redis-execution"].inputs["policy"])
    allowed = {statement["Action"][0]: statement["Resource"] for statement in policy.values()}
    [environment_secret] = [each for each in recording.outputs["readable"] if "-environment-" in each]
    assert allowed["secretsmanager:GetSecretValue"] == [environment_secret]
    assert allowed["ecr:BatchCheckLayerAvailability"] == [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/redis"]


def test_a_base_has_no_redis() -> None:
    assert stores(BASE).of(GROUP) == stores(BASE).of("aws:ecs/service:Service") == ()


def sized(memory: int) -> Environment:
    wanted = environment(load(), "staging")
    return replace(wanted, redis=replace(wanted.redis, memory=memory))


@pytest.mark.parametrize(
    ("memory", "node"),
    [
        (256, "cache.t4g.micro"),
        (384, "cache.t4g.micro"),
        (385, "cache.t4g.small"),
        (1024, "cache.t4g.small"),
        (2048, "cache.t4g.medium"),
        (300 * 1024, "cache.r7g.16xlarge"),
    ],
)
def test_the_next_larger_node_for_the_data_alone(memory: int, node: str) -> None:
    assert node_type(sized(memory)) == node


def test_the_node_is_said() -> None:
    assert node_note(sized(2048)) == (
        "redis: 2048 MB become cache.t4g.medium, with 2.3 GB for data: the next larger node."
    )
    assert node_note(sized(1024)) == ""


def test_an_impossible_size_names_its_key() -> None:
    with pytest.raises(UserError) as refused:
        node_type(sized(512 * 1024))
    assert str(refused.value) == (
        "environments.staging.redis.memory in infra/cloud.yaml is more than ElastiCache has: 512 GB, and the largest "
        "node, cache.r7g.16xlarge, has 314 GB for data. Lower it there."
    )
    with pytest.raises(UserError) as refused:
        task_size(sized(90 * 1024))
    assert str(refused.value) == (
        "environments.staging.redis.memory in infra/cloud.yaml is more than a task of Fargate can hold: 90 GB. "
        "Lower it there."
    )


@pytest.mark.parametrize(("memory", "size"), [(256, Size(256, 512)), (1024, Size(256, 2048)), (2048, Size(512, 3072))])
def test_a_container_has_room_beyond_its_data(memory: int, size: Size) -> None:
    assert task_size(sized(memory)) == size


def test_the_containers_script_for_real(tmp_path: Path) -> None:
    """It asks for the password, evicts nothing, writes nothing, and shows the password in no list of processes."""
    tools, port, password = locate(), services.free_port(), "f" * 64
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "redis-server").symlink_to(tools.redis_server)
    surroundings = {"PATH": f"{programs}:{os.environ['PATH']}", "REDIS_PASSWORD": password}
    if tools.redis_library_path is not None:
        surroundings["LD_LIBRARY_PATH"] = str(tools.redis_library_path)
    folder = tmp_path / "data"
    folder.mkdir()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-ceu", SCRIPT.format(port=port, memory=256)],
            env=surroundings,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        services.wait_for_port(port, process, log)
        server = services.Redis(port, password, (), {}, log)
        assert server.execute("SET", "job", "1") == "+OK"
        with pytest.raises(AssertionError):
            replace(server, password="wrong").execute("PING")
        assert configured(server, "maxmemory") == str(256 * 1024 * 1024)
        assert configured(server, "maxmemory-policy") == "noeviction"
        assert (configured(server, "appendonly"), configured(server, "save")) == ("no", "")
        listed = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert listed.startswith(b"redis-server") and password.encode() not in listed
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert list(folder.iterdir()) == []


def configured(server: services.Redis, name: str) -> str:
    """A setting of a running server."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as connection:
        connection.sendall(f"AUTH {server.password}\r\nCONFIG GET {name}\r\n".encode())
        answers = connection.makefile("r", newline="\r\n")
        lines = [answers.readline().rstrip() for _ in range(6)]
    assert lines[:2] == ["+OK", "*2"] and lines[3] == name
    return lines[5]

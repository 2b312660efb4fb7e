"""The parts of the AWS target that keep data, evaluated once for each kind of stack, with made-up parts beside them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.cloud_names import second_region
from infra.stack_config import Rotation
from infra.targets.aws import foundation
from infra.targets.aws.backups import Backups, BackupsArgs
from infra.targets.aws.database import Database, DatabaseArgs
from infra.targets.aws.keys import Keys, KeysArgs
from infra.targets.aws.postgres import DatabaseServer, DatabaseServerArgs
from infra.targets.aws.redis import Redis, RedisArgs
from infra.targets.aws.secrets import Secrets, SecretsArgs
from infra.targets.aws.settings import settings
from infra.targets.aws.storage import LogBucket, LogBucketArgs, Storage, StorageArgs
from infra.targets.base import Plan
from tests.support.aws.doubles import ACCOUNT, REGION, CloudDouble
from tests.support.aws.plans import plan
from tests.support.engine import Recording, Registered, render

OWN, BASE, PULL_REQUEST = ("production", "staging"), "preview-base", "pr-12"
STACKS = (*OWN, BASE, PULL_REQUEST)
KEYS = foundation.Keys(
    data_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/data", logs_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/logs"
)
NETWORK = foundation.Network(
    vpc_id="vpc-1",
    cidr="10.20.0.0/16",
    public_subnet_ids=["subnet-public"],
    private_subnet_ids=["subnet-private-a", "subnet-private-b"],
    data_subnet_ids=["subnet-data-a", "subnet-data-b"],
    s3_prefix_list_id="pl-s3",
    endpoints_security_group_id="sg-endpoints",
)
IMAGES = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
REGISTRY = foundation.Registry(
    repository_url=f"{IMAGES}/app",
    repository_arn=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app",
    postgres_image=f"{IMAGES}/postgres@sha256:{'1' * 64}",
    redis_image=f"{IMAGES}/redis@sha256:{'2' * 64}",
)
CLUSTER = foundation.Cluster(
    arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/tasks",
    name="tasks",
    namespace_id="ns-1",
    namespace_name="base.pitchbar.internal",
    exec_log_group_arn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:sessions",
)
LOAD_BALANCER = foundation.LoadBalancer(
    **dict.fromkeys(
        ("arn", "arn_suffix", "dns_name", "security_group_id", "https_listener_arn", "test_listener_arn"), "x"
    )
)
SERVER = foundation.DatabaseServer(
    address="base.double",
    port=5433,
    identifier="pitchbar-preview-base-postgres",
    resource_id="db-BASE",
    security_group_id="sg-base-postgres",
    master_secret_arn=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!base",
)
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"


@functools.cache
def stores(stack: str, rotations: tuple[tuple[str, Rotation], ...] = ()) -> Recording:
    """What a stack's data parts declare; its outputs are their facts."""
    name = stack if stack in OWN else "preview"
    wanted = plan(name, stack=stack, base=BASE if stack == PULL_REQUEST else None)
    wanted = Plan(**{**vars(wanted), "rotations": dict(rotations)})
    program = _base if stack == BASE else _environment
    return render(lambda: program(wanted), stack=stack, double=CloudDouble())


def _base(wanted: Plan) -> None:
    keys = Keys("keys", KeysArgs(wanted)).facts
    server = DatabaseServer("postgres", DatabaseServerArgs(wanted, NETWORK, keys))
    logs = LogBucket("logs", LogBucketArgs(wanted))
    _export(keys, server.facts)
    pulumi.export("log_bucket", logs.bucket)


def _environment(wanted: Plan) -> None:
    own = wanted.cloud is not None and wanted.cloud.base is None
    copied = settings(wanted.environment.name).second_region
    elsewhere = aws.Provider("second-region", region=second_region(REGION)) if copied else None
    keys = Keys("keys", KeysArgs(wanted)).facts if own else KEYS
    secrets = Secrets("secrets", SecretsArgs(wanted, keys, elsewhere))
    logs, server = None, SERVER
    if own:
        logs = LogBucket("logs", LogBucketArgs(wanted)).bucket
        made = DatabaseServer("postgres", DatabaseServerArgs(wanted, NETWORK, keys, TOPIC))
        backups = Backups("backups", BackupsArgs(wanted, keys, made.subnet_group_name, elsewhere))
        pulumi.export("vault_name", backups.vault_name)
        server = made.facts
    whole = foundation.Foundation(
        network=NETWORK,
        keys=keys,
        registry=REGISTRY,
        cluster=CLUSTER,
        load_balancer=LOAD_BALANCER,
        database_server=server,
    )
    database = Database("database", DatabaseArgs(wanted, whole, secrets))
    redis = Redis("redis", RedisArgs(wanted, whole, secrets))
    storage = Storage("storage", StorageArgs(wanted, keys, logs))
    _export(keys, server)
    for variable, reference in secrets.references.items():
        pulumi.export(variable, reference)
    pulumi.export("readable", secrets.readable)
    pulumi.export("key_arns", secrets.key_arns)
    if secrets.origin_token is not None:
        pulumi.export("origin_tokens", secrets.origin_token.values)
    for part, value in vars(secrets.keys()).items():
        pulumi.export(f"keys.{part}", value)
    pulumi.export("database", database.name)
    pulumi.export("redis", {"host": redis.host, "port": redis.port, "tls": redis.tls})
    pulumi.export("bucket", storage.bucket)
    pulumi.export("bucket_statements", list(storage.statements))


def _export(keys: foundation.Keys, server: foundation.DatabaseServer) -> None:
    for part in (keys, server):
        for field, value in vars(part).items():
            pulumi.export(field, value)


def named(recording: Recording, kind: str) -> dict[str, Registered]:
    """The resources of a kind (``Bucket``) by their logical names."""
    return {each.name: each for each in recording if each.type.rpartition(":")[2] == kind}


def statements(document: Any) -> Mapping[str, Mapping[str, Any]]:
    """A policy's statements by their ``Sid``, or by their number."""
    found = json.loads(str(document))["Statement"]
    return {str(each.get("Sid", number)): each for number, each in enumerate(found)}

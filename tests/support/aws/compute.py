"""The part of the AWS target that runs tasks, by itself: what else it stands on is made up."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from infra import wiring
from infra.domains import hosts
from infra.load import environment, load
from infra.model import Environment, ProcessName, Served
from infra.paths import app_dir
from infra.release import runtime
from infra.targets.aws import authority, foundation
from infra.targets.aws.alarm_topic import AlarmTopic, AlarmTopicArgs
from infra.targets.aws.cluster import Cluster, ClusterArgs
from infra.targets.aws.image import Image, ImageArgs
from infra.targets.aws.migration import MigrationTask, MigrationTaskArgs
from infra.targets.aws.process import Process, ProcessArgs
from infra.targets.aws.queue_probe import QueueProbe, QueueProbeArgs
from infra.targets.aws.registry import Registry, RegistryArgs
from infra.targets.aws.scaling import Scaling, ScalingArgs
from infra.targets.aws.task import TaskRuntime, TaskRuntimeArgs
from infra.targets.aws.telemetry import Telemetry, TelemetryArgs
from infra.targets.base import Cloud, Plan
from tests.support.aws.doubles import ACCOUNT, REGION, ZONE, CloudDouble
from tests.support.engine import Recording, render

RELEASE = "0123456789ab"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/data"
LOGS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/logs"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:st-AbCdEf"
TOKEN = "origin-token-0123456789"
NETWORK = foundation.Network(
    vpc_id="vpc-1",
    cidr="10.20.0.0/16",
    public_subnet_ids=["subnet-1", "subnet-2"],
    private_subnet_ids=["subnet-3", "subnet-4"],
    data_subnet_ids=["subnet-5", "subnet-6"],
    s3_prefix_list_id="pl-1",
    endpoints_security_group_id="sg-endpoints",
)
KEYS = foundation.Keys(data_key_arn=KEY, logs_key_arn=LOGS_KEY)
_LISTENERS = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/lb/1"
LOAD_BALANCER = foundation.LoadBalancer(
    arn=f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/lb/1",
    arn_suffix="app/lb/1",
    dns_name="lb.example.com",
    security_group_id="sg-balancer",
    https_listener_arn=f"{_LISTENERS}/https",
    test_listener_arn=f"{_LISTENERS}/test",
)
SERVER = foundation.DatabaseServer(
    address="db.example.com",
    port=5433,
    identifier="db",
    resource_id="db-1",
    security_group_id="sg-postgres",
    master_secret_arn=f"{SECRET}-master",
)
PLANTED = "a-secret-that-must-be-nowhere"
SECRETS = ("APP_KEY", "ADMIN_PASSWORD", "INTERNAL_QUEUE_TOKEN", "REVERB_APP_KEY", "REVERB_APP_SECRET")


def cloud(**changes: Any) -> Cloud:
    """Where it lands."""
    values = {"product": "pitchbar", "account": ACCOUNT, "region": REGION, "zone": ZONE, "domain": "pitchbar.example"}
    return Cloud(**{**values, "cloudflare_account": "f" * 32, **changes})


def plan_of(wanted: Environment, **changes: Any) -> Plan:
    """The plan of a stack called st."""
    values: dict[str, Any] = {
        "stack": "st",
        "environment": wanted,
        "hosts": hosts(wanted.domains, "pitchbar.example", "st"),
        "release": RELEASE,
        "source": str(app_dir()),
        "runtime": runtime.render(wanted),
        "directory": Path("/data/st"),
        "cloud": cloud(),
        **changes,
    }
    return Plan(**values)


@functools.cache
def compute(name: str) -> Recording:
    """What the part declares for an environment of infra/cloud.yaml."""
    wanted = environment(load(), name)
    return render(lambda: declare(plan_of(wanted)), stack="st", double=CloudDouble())


def declare(plan: Plan) -> None:
    """Declare the part."""
    top = pulumi.ComponentResource("pitchbar:aws:Environment", plan.stack)
    opts = ResourceOptions(parent=top)
    registry = Registry("registry", RegistryArgs(plan=plan, keys=KEYS), opts)
    cluster = Cluster("cluster", ClusterArgs(plan=plan, network=NETWORK, keys=KEYS), opts)
    whole = foundation.Foundation(
        network=NETWORK,
        keys=KEYS,
        registry=registry.facts,
        cluster=cluster.facts,
        load_balancer=LOAD_BALANCER,
        database_server=SERVER,
    )
    secrets = {**dict.fromkeys(SECRETS, f"{SECRET}:KEY::1"), "DB_PASSWORD": f"{SECRET}:DB::1"}
    secrets["REDIS_PASSWORD"] = f"{SECRET}:REDIS::1"
    values = {
        **wiring.database_variables(
            wiring.Database(
                *("db.example.com", "5433", "pitchbar", "app", _secret()),
                sslmode="verify-full",
                authority=authority.certificate(REGION),
                authority_file=authority.FILE,
            )
        ),
        **wiring.cache_variables(wiring.Cache("redis.example.com", "6379", _secret(), "tls")),
        **wiring.key_variables(wiring.Keys(*[_secret()] * 7)),
        **wiring.proxy_variables("10.20.0.0/16"),
    }
    tasks = TaskRuntime(
        "tasks",
        TaskRuntimeArgs(
            plan=plan,
            foundation=whole,
            image=Image("image", ImageArgs(plan=plan, registry=registry.facts), opts).reference,
            variables=values,
            secrets=secrets,
            readable=[SECRET],
            key_arns=[KEY],
        ),
        opts,
    )
    topic = (
        AlarmTopic("alarms", AlarmTopicArgs(plan=plan, keys=KEYS), opts) if plan.environment.telemetry.alarms else None
    )
    migration = MigrationTask("migration", MigrationTaskArgs(plan=plan, foundation=whole, runtime=tasks), opts)
    processes: dict[ProcessName, Process] = {}
    for process in plan.environment.processes:
        host = plan.hosts.realtime if process.name == "realtime" else plan.hosts.app
        args = ProcessArgs(
            plan=plan,
            process=process,
            foundation=whole,
            runtime=tasks,
            redis_security_group_id="sg-redis",
            redis_port=6379,
            bucket_arn="arn:aws:s3:::files",
            hosts=[host] if isinstance(process, Served) else [],
            origin_tokens=[Output.secret(TOKEN)] if isinstance(process, Served) else [],
            after=[migration.migration],
            topic_arn=topic.arn if topic else None,
        )
        processes[process.name] = Process(process.name, args, opts)
        if process.scaling.max > process.scaling.min:
            scaled = processes[process.name]
            Scaling(
                f"{process.name}-scaling",
                ScalingArgs(
                    plan=plan,
                    process=process,
                    foundation=whole,
                    service_name=scaled.service_name,
                    target_group_suffixes=scaled.route.suffixes if scaled.route else (),
                ),
                opts,
            )
    if topic is None:
        return
    QueueProbe(
        "queue-probe",
        QueueProbeArgs(
            plan=plan,
            foundation=whole,
            redis_host="redis.example.com",
            redis_port=6379,
            redis_tls=True,
            redis_security_group_id="sg-redis",
            redis_password_from=secrets["REDIS_PASSWORD"],
            readable=[SECRET],
            key_arns=[KEY],
        ),
        opts,
    )
    watched = TelemetryArgs(
        plan=plan, foundation=whole, processes=processes, topic_arn=topic.arn, redis_group="st-redis"
    )
    Telemetry("telemetry", watched, opts)


def _secret() -> Output[str]:
    return Output.secret(PLANTED)

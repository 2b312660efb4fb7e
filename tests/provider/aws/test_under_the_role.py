"""What the plugin does on AWS under the deploying role that `pitchbar bootstrap` makes, judged by that role's policies.

Moto judges calls to S3 on the object or bucket. Calls to ECS and CloudWatch Logs it judges on the resource ``*``, which
would refuse all that is limited to names, so it is told here what each call is about, as the Service Authorization
Reference says; and that `RunTask` hands the task definition's roles over (`iam:PassRole`), which moto overlooks.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import moto.settings
import pytest
from moto import mock_aws
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.ecs.models import Task, ecs_backends
from moto.iam.access_control import IAMPolicy, IAMRequestBase, PermissionResult
from moto.logs.models import logs_backends

from infra.errors import UserError
from infra.load import environment, load
from infra.ops.bootstrap.run import bootstrap
from infra.ops.bootstrap.wish import Wish
from infra.provider.aws import session, task
from infra.provider.aws.database import DatabaseResource
from infra.provider.aws.database import Inputs as DatabaseInputs
from infra.provider.aws.migration import Inputs, MigrationResource
from infra.provider.aws.store import manifests
from infra.provider.aws.task import OneOff, TaskInputs
from infra.provider.aws.verification import Inputs as VerificationInputs
from infra.provider.aws.verification import _described
from infra.release.manifest import Manifest, to_json
from infra.release.runtime import render
from tests.provider.aws.conftest import REGION, Cluster, make

BUCKET = f"pitchbar-state-{ACCOUNT}-{REGION}"
WISH = Wish(product="pitchbar", account=ACCOUNT, region=REGION, environments=("staging", "production"),
            repository="pitchbar/platform")  # fmt: skip
ARN = f"{REGION}:{ACCOUNT}"
STACKS = ("staging", "production")


@pytest.fixture(scope="module")
def clusters() -> Iterator[dict[str, Cluster]]:
    """An account after its bootstrap, with a cluster, a service and a release of staging and of production, in which
    moto judges; and the environment has the credentials of staging's deploying role."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setattr(task, "_POLL_SECONDS", 0.01)
        patch.setattr(Task, "__init__", _ending(Task.__init__))
        bootstrap(WISH, lambda change: None)
        boto3.client("s3", region_name=REGION).delete_bucket_policy(Bucket=BUCKET)  # Moto overlooks its condition.
        found = {stack: _made(stack) for stack in STACKS}
        taken = boto3.client("sts", region_name=REGION).assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/pitchbar/pitchbar-deploy-staging", RoleSessionName="test"
        )["Credentials"]
        patch.setenv("AWS_ACCESS_KEY_ID", taken["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", taken["SecretAccessKey"])
        patch.setenv("AWS_SESSION_TOKEN", taken["SessionToken"])
        patch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        patch.setattr(IAMRequestBase, "check_action_permitted", _judged(IAMRequestBase.check_action_permitted))
        session.client.cache_clear()
        yield found
    session.client.cache_clear()


def _made(stack: str) -> Cluster:
    cluster = make(f"pitchbar-{stack}-cluster-0a1b2c", stack)
    ecs = boto3.client("ecs", region_name=REGION)
    roles = {kind: f"arn:aws:iam::{ACCOUNT}:role/pitchbar/{stack}/pitchbar-{stack}-{kind}-0a1b2c"
             for kind in ("execution", "task")}  # fmt: skip
    ecs.register_task_definition(
        family=f"pitchbar-{stack}-migration",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "migration", "image": "pitchbar", "memory": 512}],
        executionRoleArn=roles["execution"],
        taskRoleArn=roles["task"],
    )
    cluster.task_definition = f"{cluster.task_definition.rpartition(':')[0]}:2"
    ecs.create_service(
        cluster=cluster.arn, serviceName=f"pitchbar-{stack}-app-0a1b2c", taskDefinition=cluster.task_definition
    )
    manifest = Manifest("r1", "2026-01-01T00:00:00Z", "someone", "", (), render(environment(load(), stack)))
    key = f"releases/{stack}/r1/manifest.json"
    boto3.client("s3", region_name=REGION).put_object(Bucket=BUCKET, Key=key, Body=to_json(manifest).encode())
    return cluster


def _ending(begin: Callable[..., None]) -> Callable[..., None]:
    def begun(self: Task, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self.containers[0].exitCode = 0
        group, backend = self.cluster_name, logs_backends[ACCOUNT][REGION]
        stream = f"migration/migration/{self.task_arn.rpartition('/')[2]}"
        backend.create_log_stream(group, stream)
        line = {"timestamp": int(time.time() * 1000), "message": json.dumps({"from": None, "to": "0002"})}
        backend.put_log_events(group, stream, [line])

    return begun


def _judged(check: Callable[..., None]) -> Callable[..., None]:
    def checked(self: Any, resource: str) -> None:
        if self._service not in ("ecs", "logs"):
            check(self, resource)
            return
        given, action = json.loads(self._body), self._action.partition(":")[2]
        for arn in _resources(action, given):
            check(self, arn)
        if action == "RunTask":
            _must_pass_roles(self, given["taskDefinition"])

    return checked


def _resources(action: str, given: dict[str, Any]) -> list[str]:
    """What a call is about."""
    cluster = str(given.get("cluster", "")).rpartition("/")[2]
    known: dict[str, Callable[[], list[str]]] = {
        "RunTask": lambda: [given["taskDefinition"]],
        "ListTasks": lambda: [f"arn:aws:ecs:{ARN}:container-instance/{cluster}/any"],
        "DescribeTasks": lambda: given["tasks"],
        "StopTask": lambda: [given["task"]],
        "DescribeServices": lambda: given["services"],
        "GetLogEvents": lambda: [
            f"arn:aws:logs:{ARN}:log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
        ],
    }
    return known[action]()


def _must_pass_roles(request: Any, definition: str) -> None:
    family, _, revision = definition.rpartition("/")[2].partition(":")
    known = ecs_backends[ACCOUNT][REGION].task_definitions[family][int(revision)]
    to = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    documents = [IAMPolicy(document) for document in request._access_key.collect_policies()]
    for role in (known.execution_role_arn, known.task_role_arn):
        results = [document.is_action_permitted("iam:PassRole", role, None, to) for document in documents]
        if PermissionResult.PERMITTED not in results:
            request._raise_access_denied()


def arguments(cluster: Cluster) -> dict[str, Any]:
    return cluster.arguments(log_group=cluster.log_group)


def migration(cluster: Cluster, stack: str) -> Inputs:
    return Inputs(**arguments(cluster), release="r1", store=BUCKET, prefix=f"releases/{stack}/")


def refusal(operation: Callable[[], object]) -> str:
    with pytest.raises(UserError) as refused:
        operation()
    return str(refused.value)


def test_stagings_role_migrates_staging(clusters: dict[str, Cluster]) -> None:
    """The task runs to its end, and what it said is read from its log."""
    assert MigrationResource().create(migration(clusters["staging"], "staging"))[1].revision == "0002"


def test_it_reads_stagings_release_store(clusters: dict[str, Cluster]) -> None:
    assert [manifest.id for manifest in manifests(REGION, BUCKET, "releases/staging/")] == ["r1"]


def test_it_makes_and_drops_stagings_database(clusters: dict[str, Cluster]) -> None:
    inputs = DatabaseInputs(**arguments(clusters["staging"]), name="pitchbar", retain=False)
    id, state = DatabaseResource().create(inputs)
    DatabaseResource().delete(id, state)


def test_it_stops_what_a_killed_update_left(clusters: dict[str, Cluster]) -> None:
    inputs = TaskInputs(**arguments(clusters["staging"]))
    left = OneOff("The first", inputs)._start({})
    session.client("ecs", REGION).stop_task(cluster=inputs.cluster, task=left, reason="test")


def test_it_looks_at_stagings_services(clusters: dict[str, Cluster]) -> None:
    assert [service["serviceName"] for service in _described(session.client("ecs", REGION), services("staging"))] == [
        "pitchbar-staging-app-0a1b2c"
    ]


def services(stack: str) -> VerificationInputs:
    cluster = f"pitchbar-{stack}-cluster-0a1b2c"
    arn = f"arn:aws:ecs:{ARN}:service/{cluster}/pitchbar-{stack}-app-0a1b2c"
    return VerificationInputs(REGION, "r1", cluster, {arn: "x:1"}, "", "", "", 0, "", "")


class TestProduction:
    """The same role is refused there, at each step."""

    def test_its_releases(self, clusters: dict[str, Cluster]) -> None:
        said = refusal(lambda: manifests(REGION, BUCKET, "releases/production/"))
        assert said.startswith(f"The release store s3://{BUCKET}/releases/production/: AWS refused GetObject with Acc")

    def test_its_tasks(self, clusters: dict[str, Cluster]) -> None:
        """Neither on its cluster, nor its task definition on staging's, which would read its secrets."""
        theirs = TaskInputs(**arguments(clusters["production"]))
        assert "not authorized to perform: ecs:ListTasks" in refusal(lambda: OneOff("It", theirs).run({}))
        mixed = TaskInputs(**{**vars(theirs), "cluster": clusters["staging"].arn})
        assert "not authorized to perform: ecs:RunTask" in refusal(lambda: OneOff("It", mixed).run({}))

    def test_its_roles(self, clusters: dict[str, Cluster]) -> None:
        """A task definition of staging's with production's role is not run."""
        family = ecs_backends[ACCOUNT][REGION].task_definitions["pitchbar-staging-migration"]
        own = family[2].task_role_arn
        family[2].task_role_arn = own.replace("staging", "production")
        try:
            inputs = TaskInputs(**arguments(clusters["staging"]))
            assert "not authorized to perform: ecs:RunTask" in refusal(lambda: OneOff("It", inputs).run({}))
        finally:
            family[2].task_role_arn = own

    def test_its_services(self, clusters: dict[str, Cluster]) -> None:
        said = refusal(lambda: _described(session.client("ecs", REGION), services("production")))
        assert "not authorized to perform: ecs:DescribeServices" in said

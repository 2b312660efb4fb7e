"""One-off tasks of ECS: run to their end, with a deadline, never two of the same at once, and with the last lines of
their log when they fail."""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.aws.session import call, client

_LINES = 15
_POLL_SECONDS = 2.0
_LOG_SECONDS = 10.0
"""The awslogs driver hands lines over in batches: the last one is there a few seconds after the end."""


@dataclass(frozen=True)
class TaskInputs:
    """See :class:`infra.targets.aws.resources.TaskArgs`."""

    region: str
    cluster: str
    task_definition: str
    container: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    log_group: str
    log_prefix: str
    timeout: int


@dataclass(frozen=True)
class Ended:
    """A task that ended well: its ARN and the last lines that it logged."""

    arn: str
    lines: tuple[str, ...]

    def said(self, name: str) -> Any:
        """A field of the last line that is a JSON document with it; None where no line is."""
        for line in reversed(self.lines):
            try:
                return json.loads(line)[name]
            except (KeyError, TypeError, ValueError):
                continue
        return None


class OneOff:
    """One kind of one-off task in one cluster. ``what`` begins every sentence about it ("The migration of …")."""

    def __init__(self, what: str, inputs: TaskInputs) -> None:
        self._what = what
        self._inputs = inputs
        self._ecs = client("ecs", inputs.region)
        family = inputs.task_definition.rpartition("/")[2].partition(":")[0]
        self._mark = f"pitchbar-{hashlib.sha256(f'{inputs.cluster} {family}'.encode()).hexdigest()[:20]}"

    def run(self, environment: Mapping[str, str]) -> Ended:
        """Run it with these variables besides its own. Raises :class:`UserError` unless its container exits with 0."""
        self._stop_earlier()
        arn = self._start(environment)
        try:
            task = self._wait(arn)
        except BaseException:
            self._stop(arn, "the update was stopped or took too long")
            raise
        self._judge(task)
        return Ended(arn, self._lines(arn, patient=True))

    def _stop_earlier(self) -> None:
        """End what an interrupted update left: its result would come when nobody asks for it any more."""
        listed = call(
            self._what,
            self._ecs.list_tasks,
            cluster=self._inputs.cluster,
            startedBy=self._mark,
            desiredStatus="RUNNING",
        )
        for arn in listed["taskArns"]:
            self._stop(arn, "a newer update took its place")
            self._wait(arn)

    def _start(self, environment: Mapping[str, str]) -> str:
        inputs = self._inputs
        variables = [{"name": name, "value": value} for name, value in sorted(environment.items())]
        answer = call(
            self._what,
            self._ecs.run_task,
            cluster=inputs.cluster,
            taskDefinition=inputs.task_definition,
            launchType="FARGATE",
            count=1,
            startedBy=self._mark,
            propagateTags="TASK_DEFINITION",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(inputs.subnets),
                    "securityGroups": list(inputs.security_groups),
                    "assignPublicIp": "DISABLED",
                }
            },
            overrides={"containerOverrides": [{"name": inputs.container, "environment": variables}]},
        )
        if answer["failures"] or not answer["tasks"]:
            reasons = ", ".join(str(failure.get("reason", "?")) for failure in answer["failures"]) or "no reason given"
            raise UserError(f"{self._what} could not start: ECS says {reasons}. Run `pulumi up` again.")
        return str(answer["tasks"][0]["taskArn"])

    def _wait(self, arn: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + self._inputs.timeout
        while True:
            found = call(self._what, self._ecs.describe_tasks, cluster=self._inputs.cluster, tasks=[arn])["tasks"]
            if not found:
                raise UserError(f"{self._what}: ECS no longer knows its task {arn}. Run `pulumi up` again.")
            if found[0]["lastStatus"] == "STOPPED":
                return dict(found[0])
            if time.monotonic() >= deadline:
                raise UserError(
                    f"{self._what} did not end within {self._inputs.timeout} s and was stopped.{self._quoted(arn)}"
                )
            cancellation.wait(_POLL_SECONDS)

    def _judge(self, task: Mapping[str, Any]) -> None:
        containers: Sequence[Mapping[str, Any]] = task.get("containers", [])
        container = next((item for item in containers if item.get("name") == self._inputs.container), {})
        code = container.get("exitCode")
        if code == 0:
            return
        reasons = [str(reason) for reason in (container.get("reason"), task.get("stoppedReason")) if reason]
        how = f"with exit code {code}" if code is not None else "before its container ran"
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise UserError(f"{self._what} failed {how}{why}.{self._quoted(task['taskArn'])}")

    def _stop(self, arn: str, reason: str) -> None:
        with contextlib.suppress(Exception):  # It may have ended, and what is told to the user is why we stop it.
            self._ecs.stop_task(cluster=self._inputs.cluster, task=arn, reason=f"Pitchbar: {reason}")

    def _quoted(self, arn: str) -> str:
        lines = self._lines(arn, patient=False)
        where = f"log group {self._inputs.log_group}"
        if not lines:
            return f" It logged nothing in {where}."
        return "".join([f" Its last lines in {where}:", *(f"\n    {line}" for line in lines)])

    def _lines(self, arn: str, *, patient: bool) -> tuple[str, ...]:
        """The last lines. ``patient``: wait for the first to arrive."""
        stream = f"{self._inputs.log_prefix}/{self._inputs.container}/{arn.rpartition('/')[2]}"
        deadline = time.monotonic() + (_LOG_SECONDS if patient else 0)
        while True:
            lines = _last_lines(client("logs", self._inputs.region), self._inputs.log_group, stream)
            if lines or time.monotonic() >= deadline:
                return lines
            cancellation.wait(0.5)


def _last_lines(logs: Any, group: str, stream: str) -> tuple[str, ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        events: Sequence[Mapping[str, Any]] = logs.get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LINES, startFromHead=False
        )["events"]
    except (BotoCoreError, ClientError):  # No stream yet, or no permission: the reason for a failure is still told.
        return ()
    return tuple(str(event["message"]).rstrip() for event in events)

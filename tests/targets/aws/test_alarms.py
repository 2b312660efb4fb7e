"""The alarms of the AWS target: what they look at, and who hears of them."""

from __future__ import annotations

import json

import pytest

from tests.support.aws.compute import compute
from tests.support.aws.doubles import ACCOUNT, REGION
from tests.targets.aws.test_tasks import named

ALARM, RULE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/eventRule:EventRule"


@pytest.mark.parametrize("name", ["staging", "production"])
def test_alarms(name: str) -> None:
    recording = compute(name)
    [topic] = recording.of("aws:sns/topic:Topic")
    alarms = {alarm.name: alarm.inputs for alarm in recording.of(ALARM)}
    assert alarms.keys() == {
        "app-errors", "realtime-errors", "load-balancer-errors", "app-unhealthy", "realtime-unhealthy", "app-latency",
        "app-tasks", "worker-tasks", "realtime-tasks", "queue-age", "queue-tick", "postgres-storage", "postgres-load",
        "redis-memory",
    }  # fmt: skip
    for alarm in recording.of(ALARM):
        assert topic.urn in alarm.dependencies, alarm.name
        assert len(alarm.inputs["alarmActions"]) == len(alarm.inputs["okActions"]) == 1
    assert {name for name, alarm in alarms.items() if alarm["treatMissingData"] == "breaching"} == {
        "queue-age",
        "queue-tick",
    }
    [own] = [query["metric"] for query in alarms["load-balancer-errors"]["metricQueries"] if "metric" in query]
    assert (own["metricName"], own["stat"]) == ("HTTPCode_ELB_5XX_Count", "Sum")
    assert set(own["dimensions"]) == {"LoadBalancer"}  # It is counted for no target group.
    assert alarms["queue-tick"]["threshold"] == 2 * 60 + 55 + 120
    assert alarms["postgres-storage"]["threshold"] == 5 * 1024**3
    rules = {
        rule.name: json.loads(rule.inputs["eventPattern"])
        for rule in recording.of(RULE)
        if "eventPattern" in rule.inputs
    }
    ours = {"iamRoleArn": [{"prefix": f"arn:aws:iam::{ACCOUNT}:role/pitchbar/st/"}, {"exists": False}]}
    assert rules == {
        "failed-roll-outs": {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change"],
            "resources": [{"prefix": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/pitchbar-st-"}],
            "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
        },
        "failed-backups": {
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change", "Copy Job State Change"],
            "detail": {"state": ["FAILED", "ABORTED", "EXPIRED"], **ours},
        },
        "failed-restores": {
            "source": ["aws.backup"],
            "detail-type": ["Restore Job State Change"],
            "detail": {"status": ["FAILED", "ABORTED"], **ours},
        },
    }


def test_no_value_is_put_in_the_place_of_one_that_is_late() -> None:
    """CloudWatch looks at the latest minute before the load balancer has told of it: with FILL an alarm of one minute
    is never raised, and scaling sees no three minutes of many requests. Only the count of tasks has it, where nothing
    means none, and which takes all of five minutes."""
    made = {
        alarm.name: [query["expression"] for query in alarm.inputs["metricQueries"] if "expression" in query]
        for alarm in compute("production").of(ALARM)
    }
    assert {name for name, [expression] in made.items() if "FILL" in expression} == {
        "app-tasks",
        "worker-tasks",
        "realtime-tasks",
    }
    assert made["app-errors"] == [
        "IF((errors0 + errors1) >= 5, 100 * (errors0 + errors1) / (requests0 + requests1), 0)"
    ]
    assert made["app-latency"] == ["MAX([slow0, slow1])"]
    for alarm in compute("production").of(ALARM):
        if alarm.name.endswith("-tasks"):
            assert alarm.inputs["datapointsToAlarm"] == alarm.inputs["evaluationPeriods"] == 5


@pytest.mark.parametrize("name", ["staging", "production"])
def test_who_may_publish_to_the_topic(name: str) -> None:
    recording = compute(name)
    [topic], [made] = recording.of("aws:sns/topic:Topic"), recording.of("aws:sns/topicPolicy:TopicPolicy")
    assert topic.inputs["kmsMasterKeyId"].startswith("arn:aws:kms:")
    policy = {statement["Sid"]: statement for statement in json.loads(made.inputs["policy"])["Statement"]}
    assert policy.keys() == {"Alarms", "Events"}
    assert policy["Alarms"]["Principal"] == {"Service": ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"]}
    assert policy["Alarms"]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    # A condition would keep EventBridge out: failed backups and roll-outs would be told to nobody.
    assert policy["Events"]["Principal"] == {"Service": "events.amazonaws.com"} and "Condition" not in policy["Events"]
    for statement in policy.values():
        assert (statement["Action"], statement["Effect"]) == ("sns:Publish", "Allow")
        assert str(statement["Resource"]).startswith("arn:aws:sns:") and topic.urn in made.dependencies


def test_the_probe_runs_for_its_own_clock_only() -> None:
    recording = compute("production")
    permission = named(recording, "aws:lambda/permission:Permission", "queue-probe")
    clock = next(rule for rule in recording.of(RULE) if "scheduleExpression" in rule.inputs)
    assert permission.inputs["principal"] == "events.amazonaws.com"
    assert permission.sources["sourceArn"] == {clock.urn}

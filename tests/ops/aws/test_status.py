"""`pitchbar status` of a stack on AWS, on moto; AWS Backup by a Stubber, because moto has no recovery points."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from infra.ops.aws import status as looking
from infra.ops.aws.status import METRICS
from infra.targets.aws.probe.handler import NAMESPACE
from tests.ops.aws.conftest import ACCOUNT, CONFIGURATION, DATABASE, Account, document, register, settle
from tests.ops.standin import Release, running

NIGHT = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)


ANSWER = looking._answer


@pytest.fixture(autouse=True)
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """What the app's address answers with."""
    says = {"https://app.staging.pitchbar.com": ("r1", "")}
    monkeypatch.setattr(looking, "_answer", lambda url: says[url])
    return says


@pytest.fixture(autouse=True)
def recovery_points(account: Account) -> Iterator[Stubber]:
    """The newest recovery point that is complete counts."""
    arn = f"arn:aws:rds:us-east-1:{ACCOUNT}:db:{DATABASE}"
    points = [
        {"CreationDate": NIGHT + timedelta(days=days), "Status": state}
        for days, state in ((-1, "COMPLETED"), (0, "COMPLETED"), (1, "PARTIAL"))
    ]
    with Stubber(account.client("backup")) as stub:
        stub.add_response("list_recovery_points_by_resource", {"RecoveryPoints": points}, {"ResourceArn": arn})
        yield stub


def count(account: Account, seconds_ago: float = 30, **values: float) -> None:
    at = datetime.fromtimestamp(time.time() - seconds_ago, UTC)
    account.client("cloudwatch").put_metric_data(
        Namespace=METRICS,
        MetricData=[
            {"MetricName": name, "Dimensions": [{"Name": "Stack", "Value": "staging"}], "Value": value, "Timestamp": at}
            for name, value in values.items()
        ],
    )


def test_the_metrics_are_those_of_the_probe() -> None:
    assert METRICS == NAMESPACE


def test_all_is_well(account: Account) -> None:
    count(account, Backlog=7, OldestAge=3, TickAge=12)
    shown = account.run("status")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == f"Stack staging on AWS, account {ACCOUNT}, us-east-1."
    assert [line.split() for line in lines[1:4]] == [
        [name, "steady", "2", "of", "2", f"pitchbar-staging-{name}:1", "release", "r1"]
        for name in ("app", "realtime", "worker")
    ]
    assert lines[4] == "https://app.staging.pitchbar.com answers with release r1"
    assert lines[5].startswith("Postgres is available, ")
    assert lines[5].endswith("last daily backup 2026-03-01T03:12:00Z.")
    assert lines[6].startswith("Queues: 7 jobs, the oldest has waited 3 s (counted ")
    assert lines[7].startswith("The last queue tick began ")
    assert len(lines) == 8


def test_a_document_for_programs(account: Account) -> None:
    found = document(account.run("status", "--json"))
    assert (found["healthy"], found["answers"], found["queue"], found["alarms"], found["unknown"]) == (
        True, "r1", None, [], [],
    )  # fmt: skip
    assert [(item["name"], item["state"], item["running"], item["release"]) for item in found["services"]] == [
        (name, "steady", 2, "r1") for name in ("app", "realtime", "worker")
    ]
    assert found["services"][0]["service"] == account.services["app"]
    assert found["services"][0]["cluster"] == "pitchbar-staging-cluster-0a1b2c"


@pytest.mark.parametrize(
    ("running", "rollout", "state", "code"),
    [
        (1, "COMPLETED", "short of tasks", 1),
        (2, "FAILED", "failed", 1),
        (2, "IN_PROGRESS", "rolling out", 0),
    ],
)
def test_a_service_that_is_not_steady_says_why(
    account: Account, running: int, rollout: str, state: str, code: int
) -> None:
    settle(account, "worker", running, rollout, "tasks failed to start")
    shown = account.run("status")
    assert shown.exit_code == code
    line = next(line for line in shown.stdout.splitlines() if line.strip().startswith("worker"))
    assert f"{state} " in line
    assert f"{running} of 2" in line
    assert "tasks failed to start" in line
    assert ("To see why, type: " in shown.stdout) == (code == 1)


def test_the_release_is_that_of_the_newest_task_definition(account: Account) -> None:
    definition = register("app", "r2")
    account.client("ecs").update_service(
        cluster="pitchbar-staging-cluster-0a1b2c", service=account.services["app"], taskDefinition=definition
    )
    settle(account, "app")
    found = document(account.run("status", "--json"))
    assert [(item["name"], item["release"]) for item in found["services"]] == [
        ("app", "r2"), ("realtime", "r1"), ("worker", "r1"),
    ]  # fmt: skip


def test_nobody_answers(account: Account, answer: dict[str, Any]) -> None:
    answer["https://app.staging.pitchbar.com"] = ("", "https://app.staging.pitchbar.com/up answers 521 instead of 200.")
    shown = account.run("status")
    assert shown.exit_code == 1
    assert "https://app.staging.pitchbar.com/up answers 521 instead of 200." in shown.stdout.splitlines()


def test_a_missed_tick(account: Account) -> None:
    count(account, Backlog=0, TickAge=900)
    shown = account.run("status")
    assert any(line.startswith("A queue tick is missed: the last one began 9") for line in shown.stdout.splitlines())


def test_an_alarm_is_told_with_its_advice_and_others_are_not(account: Account) -> None:
    for name, value in (("pitchbar-staging-errors-0a1b2c", "ALARM"), ("pitchbar-staging-load-0a1b2c", "OK"),
                        ("pitchbar-production-errors-0a1b2c", "ALARM")):  # fmt: skip
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=name, AlarmDescription="Look at the log.", EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold", MetricName="x", Namespace="y", Period=60, Statistic="Sum",
        )  # fmt: skip
        account.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")
    shown = account.run("status")
    assert shown.exit_code == 1
    assert [line for line in shown.stdout.splitlines() if "ALARM" in line] == [
        "ALARM pitchbar-staging-errors-0a1b2c: Look at the log."
    ]


def test_what_may_not_be_asked_is_told_and_the_rest_is_shown(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_queue", lambda place: None)  # Else the two would ask in any order.
    with Stubber(account.client("cloudwatch")) as stub:
        stub.add_client_error("describe_alarms", "AccessDenied", "no such permission.")
        found = document(account.run("status", "--json"))
    assert found["healthy"] is True
    assert found["unknown"] == [
        "The alarms: AWS refused DescribeAlarms with AccessDenied: no such permission. Use a profile that may."
    ]


def test_a_stack_that_is_not_up(account: Account) -> None:
    (account.root / "Pulumi.pr-12.yaml").write_text(
        CONFIGURATION.replace("staging\n", "preview\n") + "  pitchbar:base: preview-base\n"
    )
    shown = account.run("status", stack="pr-12")
    assert shown.exit_code == 1
    assert shown.stderr.startswith(
        f"error: Stack pr-12 is not up in account {ACCOUNT}, us-east-1: nothing there has its tag. To bring it up, "
    )


def test_credentials_of_another_account(account: Account) -> None:
    (account.root / "Pulumi.staging.yaml").write_text(CONFIGURATION.replace(ACCOUNT, "999999999999"))
    assert account.run("status").stderr == (
        f"error: These credentials are of account {ACCOUNT}, and stack staging is in 999999999999. "
        "Type: `aws sso login`, or `export AWS_PROFILE=…` with a profile of that account.\n"
    )


def test_no_credentials(account: Account) -> None:
    with Stubber(account.client("sts")) as stub:
        stub.add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired.")
        shown = account.run("status")
    assert shown.stderr == (
        "error: Stack staging: AWS refused GetCallerIdentity with ExpiredToken: The security token is expired. "
        "Type: `aws sso login`, or `export AWS_PROFILE=…` with a profile of that account.\n"
    )


def test_what_answers_at_the_apps_address() -> None:
    with running(Release()) as release:
        url = release.outputs()["app_url"]
        assert ANSWER(url) == ("r1", "")
    said, silence = ANSWER(url)
    assert said == ""
    assert "app.localhost" in silence
    assert ANSWER("") == ("", "")

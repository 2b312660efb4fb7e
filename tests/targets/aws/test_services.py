"""How releases follow one another on ECS, and how visitors reach them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from infra.load import environment, load
from infra.model import Telemetry
from infra.targets.aws.authority import trusting
from infra.targets.aws.process import told
from infra.targets.aws.service import capacity
from tests.support.aws.compute import LOAD_BALANCER, TOKEN, cloud, compute, declare, plan_of
from tests.support.aws.doubles import DIGEST, CloudDouble
from tests.support.engine import render
from tests.targets.aws.test_tasks import EGRESS, ENVIRONMENTS, SERVICE, container, granted, named

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP, RULE = "aws:lb/targetGroup:TargetGroup", "aws:lb/listenerRule:ListenerRule"


def service(environment: str, name: str) -> dict[str, Any]:
    return dict(named(compute(environment), SERVICE, name).inputs)


def test_the_app_goes_by_blue_and_green_where_it_can_come_back() -> None:
    found = service("production", "app")
    assert found["deploymentConfiguration"] == {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
    assert "deploymentCircuitBreaker" not in found, "ECS has it for rolling updates only"
    [target] = found["loadBalancers"]
    assert (target["containerName"], target["containerPort"]) == ("app", 8000)
    more = target["advancedConfiguration"]
    assert target["targetGroupArn"] != more["alternateTargetGroupArn"]
    assert len({more["productionListenerRule"], more["testListenerRule"], more["roleArn"]}) == 3
    assert found["alarms"]["enable"] and found["alarms"]["rollback"] and len(found["alarms"]["alarmNames"]) == 1


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_alarm_that_takes_a_release_back_can_be_raised_while_it_bakes(environment: str) -> None:
    """A load balancer's minute comes to CloudWatch a minute late, and alarms are looked at once a minute."""
    late, app = 120, service(environment, "app")
    [name] = app["alarms"]["alarmNames"]
    [alarm] = [each for each in compute(environment).of(ALARM) if each.name == "app-errors"]
    assert name.startswith("pitchbar-st-app-errors")
    [period] = {query["metric"]["period"] for query in alarm.inputs["metricQueries"] if "metric" in query}
    baked = int(app["deploymentConfiguration"]["bakeTimeInMinutes"]) * 60
    assert baked >= period * alarm.inputs["evaluationPeriods"] + late


def test_what_ecs_moves_the_program_leaves_alone() -> None:
    recording = compute("production")
    assert set(named(recording, SERVICE, "app").options.ignore_changes) == {
        "desiredCount",
        "loadBalancers[0].targetGroupArn",
        "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
    }
    assert named(recording, SERVICE, "realtime").options.ignore_changes == ()
    for name in ("app", "app-test"):
        assert named(recording, RULE, name).options.ignore_changes == ("actions",)
    assert named(recording, RULE, "realtime").options.ignore_changes == ()


def test_another_port_of_the_app_makes_no_new_target_group() -> None:
    """The rules hold on to the old ones: it is ECS that writes into them."""
    usual = environment(load(), "production")
    app = dataclasses.replace(usual.processes.app, port=8001)
    moved = dataclasses.replace(usual, processes=dataclasses.replace(usual.processes, app=app))
    after = render(lambda: declare(plan_of(moved)), stack="st", double=CloudDouble())
    assert [group.inputs for group in after.of(GROUP)] == [group.inputs for group in compute("production").of(GROUP)]
    [target] = named(after, SERVICE, "app").inputs["loadBalancers"]
    assert target["containerPort"] == 8001


@pytest.mark.parametrize(
    ("environment", "name"), [("production", "worker"), ("production", "realtime"), ("preview", "app")]
)
def test_others_roll_and_the_circuit_breaker_takes_back(environment: str, name: str) -> None:
    found = service(environment, name)
    assert found["deploymentConfiguration"] == {"strategy": "ROLLING"}
    assert found["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (found["deploymentMinimumHealthyPercent"], found["deploymentMaximumPercent"]) == (100, 200)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["app", "worker", "realtime"])
def test_every_service_is_waited_for_and_private(environment: str, name: str) -> None:
    found = service(environment, name)
    assert found["waitForSteadyState"] and found["enableExecuteCommand"]
    assert found["networkConfiguration"]["assignPublicIp"] is False
    assert found["networkConfiguration"]["subnets"] == ["subnet-3", "subnet-4"]
    assert found["forceDelete"] is (environment != "production")


def test_services_wait_for_migration_ways_and_rules() -> None:
    recording = compute("production")
    migration = named(recording, "pitchbar:aws:Migration", "migration").urn
    for name in ("app", "worker", "realtime"):
        needed = recording.needs(named(recording, SERVICE, name).urn)
        assert migration in needed
        assert any(urn.endswith(f"::{name}-to-redis") for urn in needed)
        assert name == "worker" or named(recording, RULE, name).urn in needed
        policies = {f"::{role}" for role in ("execution", f"{name}-task")}
        assert all(any(urn.endswith(policy) and "rolePolicy" in urn for urn in needed) for policy in policies)


def test_a_rule_asks_for_our_own_zones_token() -> None:
    rule = named(compute("production"), RULE, "app")
    assert rule.inputs["listenerArn"] == LOAD_BALANCER.https_listener_arn
    assert rule.inputs["conditions"] == [
        {"hostHeader": {"values": ["app.pitchbar.example"]}},
        {"httpHeader": {"httpHeaderName": "X-Origin-Token", "values": [TOKEN]}},
    ]
    assert "conditions" in rule.secrets or any(path.startswith("conditions") for path in rule.secrets)


def test_the_next_release_is_tried_on_the_test_listener() -> None:
    recording = compute("production")
    [production], [test] = (named(recording, RULE, name).inputs["actions"] for name in ("app", "app-test"))
    weights = [[each["weight"] for each in action["forward"]["targetGroups"]] for action in (production, test)]
    assert weights == [[100, 0], [0, 100]]
    assert named(recording, RULE, "app-test").inputs["listenerArn"] == LOAD_BALANCER.test_listener_arn


def test_a_task_is_healthy_after_ten_seconds_and_drains_quickly() -> None:
    recording = compute("production")
    for name, drain, sticky in (("app-blue", 20, False), ("app-green", 20, False), ("realtime", 5, True)):
        group = named(recording, GROUP, name).inputs
        check = group["healthCheck"]
        assert check["interval"] * check["healthyThreshold"] == 10
        assert (check["path"], group["deregistrationDelay"]) == ("/up", drain)
        assert group["stickiness"]["enabled"] is sticky


def test_ecs_may_switch_these_rules_and_no_others() -> None:
    recording = compute("production")
    found = granted(recording, "switching")
    assert {resource for action, resource in found if action == "elasticloadbalancing:ModifyRule"} == {
        service("production", "app")["loadBalancers"][0]["advancedConfiguration"][key]
        for key in ("productionListenerRule", "testListenerRule")
    }
    wide = {action for action, resource in found if resource == "*"}
    assert all(action.startswith("elasticloadbalancing:Describe") for action in wide)


def test_the_first_task_is_on_demand_unless_all_may_run_on_spot() -> None:
    assert capacity(0) == [{"capacity_provider": "FARGATE", "weight": 1}]
    assert capacity(10) == [{"capacity_provider": "FARGATE_SPOT", "weight": 1}]
    assert capacity(3) == [
        {"capacity_provider": "FARGATE", "base": 1, "weight": 7},
        {"capacity_provider": "FARGATE_SPOT", "weight": 3},
    ]


def test_traces_and_errors_have_a_way_out_only_where_they_are_asked_for() -> None:
    assert told(Telemetry()) == {}
    assert told(Telemetry(otlp_endpoint="http://localhost:4318")) == {}
    far = Telemetry(otlp_endpoint="http://collector.example:4318", sentry_dsn="https://0a@sentry.example/1")
    assert told(far) == {4318: "traces are told to a collector", 443: "errors are told"}


def test_laravel_is_the_same_shape() -> None:
    """Other commands, and what Laravel must be told to do without a file system of its own."""
    wanted = dataclasses.replace(environment(load(), "staging"), runtime="laravel")
    plan = plan_of(wanted, cloud=cloud(image=f"ghcr.io/pitchbar/pitchbar@{DIGEST}"))
    recording = render(lambda: declare(plan), stack="st", double=CloudDouble())
    app, worker = container(recording, "app"), container(recording, "worker")
    assert app["command"] == [*trusting(()), "php", "artisan", "octane:frankenphp", "--host=0.0.0.0", "--port=8000"]
    asked = "curl --fail --silent --output /dev/null http://127.0.0.1:8000/ready"
    assert app["healthCheck"]["command"][1] == f"test -e /tmp/ready || {{ {asked} && touch /tmp/ready; }}"
    assert worker["healthCheck"]["command"][1] == "php artisan horizon:status"
    variables = {item["name"]: item["value"] for item in app["environment"]}
    assert variables["REDIS_PREFIX"] == "" and variables["REDIS_QUEUE_RETRY_AFTER"] == "150"
    assert variables["VIEW_COMPILED_PATH"] == "/tmp/views"
    assert {item["name"] for item in worker["secrets"]} == {item["name"] for item in app["secrets"]}
    ways = {way.name for way in recording.of(EGRESS) if "cidrIpv4" in way.inputs}
    assert ways == {"app-to-internet-443", "worker-to-internet-80", "worker-to-internet-443"}

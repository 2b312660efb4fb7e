"""Controls of what runs: ECS, the registry and the load balancer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.policy.control import Control, Declared, Judgement, each, given, never, want

TASK, SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
BALANCER, LISTENER = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener"
REPOSITORY = "aws:ecr/repository:Repository"
SECRET_NAME = re.compile(r"(PASSWORD|SECRET|TOKEN|PRIVATE_KEY|ACCESS_KEY|API_KEY|APP_KEY|CREDENTIALS)")
PUBLIC_NAME = re.compile(r"(_URL|_ARN|_NAME|_HEADER)$")
TLS_POLICIES = (
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
)
"""What AWS recommends: TLS 1.2 at least, and only ciphers with forward secrecy."""


def containers(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The containers of a task definition."""
    found: list[dict[str, Any]] = json.loads(inputs.get("containerDefinitions", "[]"))
    return found


def _each_container(wrong: Callable[[Mapping[str, Any]], str]) -> Callable[[Declared], Iterator[Judgement]]:
    def judge(declared: Declared) -> Iterator[Judgement]:
        for task in declared.of(TASK):
            for container in containers(task.inputs):
                yield f"container {container['name']} of {task.name}", wrong(container)

    return judge


def plain_secrets(container: Mapping[str, Any]) -> list[str]:
    """The variables in a container's plain environment that hold a secret, by their names."""
    names = [str(pair["name"]) for pair in container.get("environment", [])]
    return [name for name in names if SECRET_NAME.search(name) and not PUBLIC_NAME.search(name)]


def _plain(container: Mapping[str, Any]) -> str:
    found = plain_secrets(container)
    return f"has {', '.join(found)} in its plain environment" if found else ""


def _public(inputs: Mapping[str, Any]) -> str:
    return "has public addresses" if inputs.get("networkConfiguration", {}).get("assignPublicIp") is not False else ""


def _insights(inputs: Mapping[str, Any]) -> str:
    values = {setting["name"]: setting["value"] for setting in inputs.get("settings", [])}
    return "" if values.get("containerInsights") in ("enabled", "enhanced") else "has no Container Insights"


def _scans(inputs: Mapping[str, Any]) -> str:
    return "" if inputs.get("imageScanningConfiguration", {}).get("scanOnPush") else "does not scan what is pushed"


def _expires(declared: Declared) -> Iterator[Judgement]:
    for repository in declared.of(REPOSITORY):
        policies = declared.parts(repository, "aws:ecr/lifecyclePolicy:LifecyclePolicy", "repository")
        yield repository.name, "" if policies else "keeps everything for ever"


def _redirects(inputs: Mapping[str, Any]) -> str:
    if inputs.get("protocol") != "HTTP":
        return ""
    kinds = [
        (action["type"], action.get("redirect", {}).get("protocol")) for action in inputs.get("defaultActions", [])
    ]
    return "" if kinds == [("redirect", "HTTPS")] else "answers over HTTP"


def _encrypted(inputs: Mapping[str, Any]) -> str:
    return _redirects(inputs) if inputs.get("protocol") == "HTTP" else want("protocol", "HTTPS", "TLS")(inputs)


def _tls(inputs: Mapping[str, Any]) -> str:
    return "" if inputs.get("protocol") == "HTTP" else want("sslPolicy", *TLS_POLICIES)(inputs)


def _zones(inputs: Mapping[str, Any]) -> str:
    return "" if len(inputs.get("subnets", [])) >= 2 else "is in one zone"


def _access_logs(inputs: Mapping[str, Any]) -> str:
    return "" if inputs.get("accessLogs", {}).get("enabled") else "keeps no access logs"


CONTROLS = (
    Control(
        "ECS.1",
        "Tasks have network interfaces of their own.",
        "Set network_mode to awsvpc.",
        each(TASK, want("networkMode", "awsvpc")),
    ),
    Control("ECS.2", "Tasks have no public address.", "Set assign_public_ip to False.", each(SERVICE, _public)),
    Control(
        "ECS.3", "Tasks don't see the host's processes.", "Take pid_mode out.", each(TASK, never("pidMode", "host"))
    ),
    Control("ECS.4", "No container is privileged.", "Take privileged out.", _each_container(never("privileged", True))),
    Control(
        "ECS.5",
        "Containers can't write to their root file system.",
        "Set readonlyRootFilesystem to true.",
        _each_container(want("readonlyRootFilesystem", True)),
    ),
    Control(
        "ECS.8",
        "Secrets come from Secrets Manager, never in the plain environment.",
        "Move it to the container's secrets.",
        _each_container(_plain),
    ),
    Control(
        "ECS.9",
        "Every container's output is kept.",
        "Give logConfiguration.",
        _each_container(given("logConfiguration")),
    ),
    Control(
        "ECS.10",
        "Services run on Fargate's latest platform.",
        "Take platform_version out.",
        each(SERVICE, want("platformVersion", None, "LATEST", "1.4.0")),
    ),
    Control(
        "ECS.12",
        "Clusters measure their containers.",
        "Set containerInsights.",
        each("aws:ecs/cluster:Cluster", _insights),
    ),
    Control("ECR.1", "Images are scanned when they are pushed.", "Set scan_on_push.", each(REPOSITORY, _scans)),
    Control(
        "ECR.2",
        "A tag never moves to another image.",
        "Set image_tag_mutability to IMMUTABLE.",
        each(REPOSITORY, want("imageTagMutability", "IMMUTABLE")),
    ),
    Control("ECR.3", "Old images expire.", "Add a LifecyclePolicy.", _expires),
    Control("ELB.1", "HTTP is redirected to HTTPS.", "Redirect in the default action.", each(LISTENER, _redirects)),
    Control(
        "ELB.4",
        "Invalid headers are dropped.",
        "Set drop_invalid_header_fields.",
        each(BALANCER, want("dropInvalidHeaderFields", True)),
    ),
    Control("ELB.5", "Access logs are kept.", "Set access_logs.", each(BALANCER, _access_logs)),
    Control(
        "ELB.6",
        "AWS refuses to delete the load balancer.",
        "Set enable_deletion_protection.",
        each(BALANCER, want("enableDeletionProtection", True)),
    ),
    Control(
        "ELB.12",
        "Requests that are ambiguous are refused.",
        "Set desync_mitigation_mode to defensive or strictest.",
        each(BALANCER, want("desyncMitigationMode", "defensive", "strictest")),
    ),
    Control("ELB.13", "The load balancer is in two zones.", "Give more subnets.", each(BALANCER, _zones)),
    Control("ELB.17", "TLS is that of AWS' recommended policies.", "Set ssl_policy.", each(LISTENER, _tls)),
    Control("ELB.18", "Listeners speak TLS.", "Set protocol to HTTPS.", each(LISTENER, _encrypted)),
)

"""Properties that have another shape in CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Convert = Callable[[Any], dict[str, Any]]


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(int(value)) if isinstance(value, float) else value


def attribute(property: str, key: str) -> Convert:
    return lambda value: {property: [{"Key": key, "Value": text(value)}]}


def access_logs(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"enabled": "enabled", "bucket": "bucket", "prefix": "prefix"}
    pairs = [{"Key": f"access_logs.s3.{names[name]}", "Value": text(part)} for name, part in value.items()]
    return {"LoadBalancerAttributes": pairs}


def log_delivery(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "LogDeliveryConfigurations": [
            {
                "DestinationType": each["destinationType"],
                "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": each["destination"]}},
                "LogFormat": each["logFormat"],
                "LogType": each["logType"],
            }
            for each in value
        ]
    }


def network(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"subnets": "Subnets", "securityGroups": "SecurityGroups"}
    found = {names[name]: part for name, part in value.items() if name != "assignPublicIp"}
    public = {"AssignPublicIp": "ENABLED" if value.get("assignPublicIp") else "DISABLED"}
    return {"NetworkConfiguration": {"AwsvpcConfiguration": {**found, **public}}}


def health_check(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "enabled": "HealthCheckEnabled",
        "interval": "HealthCheckIntervalSeconds",
        "path": "HealthCheckPath",
        "port": "HealthCheckPort",
        "protocol": "HealthCheckProtocol",
        "timeout": "HealthCheckTimeoutSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
    }
    found: dict[str, Any] = {
        names[name]: int(part) if isinstance(part, float) else part for name, part in value.items() if name != "matcher"
    }
    return {**found, **({"Matcher": {"HttpCode": value["matcher"]}} if "matcher" in value else {})}


def stickiness(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"enabled": "enabled", "type": "type", "cookieDuration": f"{value['type']}.duration_seconds"}
    names["cookieName"] = "app_cookie.cookie_name"
    return {
        "TargetGroupAttributes": [
            {"Key": f"stickiness.{names[name]}", "Value": text(part)} for name, part in value.items()
        ]
    }


def conditions(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    fields = {
        "hostHeader": ("host-header", "HostHeaderConfig"),
        "pathPattern": ("path-pattern", "PathPatternConfig"),
        "httpHeader": ("http-header", "HttpHeaderConfig"),
        "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
        "sourceIp": ("source-ip", "SourceIpConfig"),
    }
    return {
        "Conditions": [
            {
                "Field": fields[name][0],
                fields[name][1]: {key[0].upper() + key[1:]: part for key, part in inside.items()},
            }
            for each in value
            for name, inside in each.items()
        ]
    }


def inline(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Policies": [{"PolicyName": each["name"], "PolicyDocument": json.loads(each["policy"])} for each in value]}


def dimensions(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    """The dimensions of a metric."""
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def metric_queries(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The metrics of an alarm, and how they are put together."""
    queries = []
    for each in value:
        names = {"id": "Id", "expression": "Expression", "label": "Label", "returnData": "ReturnData"}
        query: dict[str, Any] = {names[name]: part for name, part in each.items() if name in names}
        if "metric" in each:
            metric = each["metric"]
            query["MetricStat"] = {
                "Metric": {
                    "MetricName": metric["metricName"],
                    "Namespace": metric["namespace"],
                    "Dimensions": dimensions(metric.get("dimensions", {})),
                },
                "Period": int(metric["period"]),
                "Stat": metric["stat"],
            }
        queries.append(query)
    return {"Metrics": queries}

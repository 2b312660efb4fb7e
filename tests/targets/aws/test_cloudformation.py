"""The conversion to CloudFormation and cfn-lint's judgement, by planted defects and by resources that are right."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.support.aws.cloudformation import convert, lint
from tests.support.engine import Registered

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
ROLE = "arn:aws:iam::123456789012:role/task"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
GROUP = "sg-0123456789abcdef0"
TARGETS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/app/0123456789abcdef"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/lb/0123456789abcdef"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CONTAINER = {
    "name": "app",
    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:" + "d0" * 32,
    "essential": True,
    "portMappings": [{"containerPort": 8000}],
    "environment": [{"name": "A", "value": "1"}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
    },
}
SAMPLE: dict[str, dict[str, Any]] = {
    "aws:rds/instance:Instance": {
        "engine": "postgres",
        "engineVersion": "16.9",
        "instanceClass": "db.t4g.medium",
        "allocatedStorage": 50.0,
        "storageType": "gp3",
        "backupRetentionPeriod": 30.0,
        "username": "pitchbar",
        "manageMasterUserPassword": True,
        "vpcSecurityGroupIds": [GROUP],
        "kmsKeyId": KEY,
        "storageEncrypted": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "last",
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "family": "postgres16",
        "description": "d",
        "parameters": [{"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"}],
    },
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "description": "d",
        "engine": "redis",
        "engineVersion": "7.1",
        "nodeType": "cache.t4g.small",
        "numCacheClusters": 2.0,
        "automaticFailoverEnabled": True,
        "transitEncryptionEnabled": True,
        "authToken": "a" * 32,
        "snapshotRetentionLimit": 7.0,
        "securityGroupIds": [GROUP],
    },
    "aws:ecs/taskDefinition:TaskDefinition": {
        "family": "app",
        "cpu": "2048",
        "memory": "4096",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": ROLE,
        "taskRoleArn": ROLE,
        "containerDefinitions": json.dumps([CONTAINER]),
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    },
    "aws:ecs/service:Service": {
        "cluster": "c",
        "desiredCount": 2.0,
        "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/app:1",
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "base": 2.0, "weight": 1.0}],
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "deploymentMaximumPercent": 200.0,
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"},
        "networkConfiguration": {"subnets": SUBNETS, "securityGroups": [GROUP], "assignPublicIp": False},
        "loadBalancers": [
            {
                "containerName": "app",
                "containerPort": 8000.0,
                "targetGroupArn": TARGETS,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": TARGETS,
                    "productionListenerRule": f"{BALANCER}/rule",
                    "roleArn": ROLE,
                },
            }
        ],
        "waitForSteadyState": True,
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        "subnets": SUBNETS,
        "securityGroups": [GROUP],
        "internal": False,
        "loadBalancerType": "application",
        "dropInvalidHeaderFields": True,
        "enableDeletionProtection": True,
        "accessLogs": {"bucket": "logs", "enabled": True},
        "idleTimeout": 120.0,
    },
    "aws:lb/targetGroup:TargetGroup": {
        "port": 8000.0,
        "protocol": "HTTP",
        "targetType": "ip",
        "vpcId": "vpc-0123456789abcdef0",
        "deregistrationDelay": 30.0,
        "healthCheck": {"path": "/up", "interval": 5.0, "timeout": 3.0, "healthyThreshold": 2.0, "matcher": "200"},
        "stickiness": {"type": "lb_cookie", "enabled": True, "cookieDuration": 86400.0},
    },
    "aws:lb/listener:Listener": {
        "loadBalancerArn": BALANCER,
        "port": 443.0,
        "protocol": "HTTPS",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
        "defaultActions": [
            {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
        ],
    },
    "aws:lb/listenerRule:ListenerRule": {
        "listenerArn": BALANCER.replace("loadbalancer", "listener"),
        "priority": 10.0,
        "conditions": [{"hostHeader": {"values": ["app.pitchbar.example"]}}],
        "actions": [{"type": "forward", "forward": {"targetGroups": [{"arn": TARGETS, "weight": 100.0}]}}],
    },
    "aws:iam/role:Role": {"assumeRolePolicy": json.dumps(TRUST), "path": "/pitchbar/staging/"},
    "aws:s3/bucket:Bucket": {"forceDestroy": True},
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 30.0, "kmsKeyId": KEY},
    "aws:secretsmanager/secret:Secret": {"kmsKeyId": KEY, "replicas": [{"region": "us-west-2", "kmsKeyId": KEY}]},
}  # fmt: skip


def declared(sample: dict[str, dict[str, Any]]) -> list[Registered]:
    """A resource of each type of a sample."""
    return [
        Registered(f"urn:{type}", type, "thing", "parent", True, inputs, frozenset(), frozenset())
        for type, inputs in sample.items()
    ]


def test_what_is_right_is_converted_whole_and_cfn_lint_finds_nothing() -> None:
    done = convert(declared(SAMPLE))
    assert (done.types_left, done.properties_left) == (set(), set())
    assert len(done.resources) == len(SAMPLE)
    assert lint(done.template()) == []


def test_properties_arrive_where_cloudformation_has_them() -> None:
    resources = convert(declared(SAMPLE)).resources
    service = resources["ThingService"]["Properties"]
    assert service["DeploymentConfiguration"] == {
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        "MaximumPercent": 200,
        "Strategy": "BLUE_GREEN",
        "BakeTimeInMinutes": 5,
    }
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    attributes = resources["ThingLoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    assert {"Key": "deletion_protection.enabled", "Value": "true"} in attributes
    container = resources["ThingTaskDefinition"]["Properties"]["ContainerDefinitions"][0]
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == "g"
    assert resources["ThingRole"]["Properties"]["AssumeRolePolicyDocument"] == TRUST


def test_parts_of_a_bucket_are_in_the_bucket() -> None:
    [bucket] = declared({"aws:s3/bucket:Bucket": {}})
    part = Registered(
        "urn:v", "aws:s3/bucketVersioning:BucketVersioning", "v", "parent", True,
        {"bucket": "b", "versioningConfiguration": {"status": "Enabled"}}, frozenset(), frozenset(),
        sources={"bucket": frozenset({bucket.urn})},
    )  # fmt: skip
    done = convert([bucket, part])
    assert done.resources["ThingBucket"]["Properties"] == {"VersioningConfiguration": {"Status": "Enabled"}}
    assert not done.types_left


def test_nothing_is_left_out_silently() -> None:
    left = convert(declared({"aws:sqs/queue:Queue": {}, "aws:ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/16", "novel": 1}}))
    assert left.types_left == {"aws:sqs/queue:Queue"}
    assert left.properties_left == {"aws:ec2/vpc:Vpc novel"}


DEFECTS: dict[str, tuple[str, str, Any]] = {
    "an engine's version": ("aws:rds/instance:Instance", "engineVersion", "16.99"),
    "an instance's class": ("aws:rds/instance:Instance", "instanceClass", "db.t4g.mediun"),
    "a retention": ("aws:rds/instance:Instance", "backupRetentionPeriod", 36.0),
    "a Fargate size": ("aws:ecs/taskDefinition:TaskDefinition", "memory", "2048"),
    "a container's log options": (
        "aws:ecs/taskDefinition:TaskDefinition",
        "containerDefinitions",
        json.dumps([{**CONTAINER, "logConfiguration": {"logDriver": "awslogs", "options": {}}}]),
    ),
    "a log retention": ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 31.0),
    "a path of checks": ("aws:lb/targetGroup:TargetGroup", "healthCheck", {"interval": 301.0}),
    "a trust policy": ("aws:iam/role:Role", "assumeRolePolicy", json.dumps({**TRUST, "Version": "2013-10-17"})),
}


@pytest.mark.parametrize(("type", "name", "value"), DEFECTS.values(), ids=DEFECTS)
def test_a_planted_defect_is_found(type: str, name: str, value: Any) -> None:
    sample = copy.deepcopy({type: SAMPLE[type]})
    sample[type][name] = value
    assert lint(convert(declared(sample)).template()), f"{name} passed"

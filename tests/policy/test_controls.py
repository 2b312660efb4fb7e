"""Each control of the list, by something that keeps it and something that doesn't."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.paths import project_root
from infra.policy.control import Control, Declared
from infra.policy.controls import CONTROLS
from infra.policy.document import render
from infra.policy.exemptions import EXEMPTIONS, KINDS
from tests.support.engine import Registered

IDS = (
    *(f"RDS.{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 17, 18, 20, 21, 22, 23, 25)),
    *(f"ECS.{n}" for n in (1, 2, 3, 4, 5, 8, 9, 10, 12)),
    *(f"ElastiCache.{n}" for n in range(1, 8)),
    *(f"ELB.{n}" for n in (1, 4, 5, 6, 12, 13, 17, 18)),
    *(f"S3.{n}" for n in (1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13)),
    *(f"EC2.{n}" for n in (2, 6, 10, 15, 18, 19, 21, 55, 56)),
    *(f"SecretsManager.{n}" for n in range(1, 5)),
    *(f"ECR.{n}" for n in (1, 2, 3)),
    *(f"KMS.{n}" for n in (1, 2, 3, 5)),
    *(f"IAM.{n}" for n in (1, 2, 21)),
    "Backup.1",
)
"""The controls of AWS Foundational Security Best Practices for the services that the AWS target uses."""

BY_ID = {control.id: control for control in CONTROLS}
ROLE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}]}


def policy(**changes: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def container(**changes: Any) -> str:
    return json.dumps(
        [{"name": "app", "readonlyRootFilesystem": True, "logConfiguration": {"logDriver": "a"}, **changes}]
    )


Thing = tuple[str, dict[str, Any]]
DB, REDIS, TASK = (
    "rds/instance:Instance",
    "elasticache/replicationGroup:ReplicationGroup",
    "ecs/taskDefinition:TaskDefinition",
)
IAM, LB, LISTENER, ECR = (
    "iam/policy:Policy",
    "lb/loadBalancer:LoadBalancer",
    "lb/listener:Listener",
    "ecr/repository:Repository",
)
BUCKET: Thing = ("s3/bucket:Bucket", {})
GROUP: Thing = ("ec2/securityGroup:SecurityGroup", {})
SECRET: Thing = ("secretsmanager/secret:Secret", {})
VPC: Thing = ("ec2/vpc:Vpc", {})
DENY = policy(Effect="Deny", Action="s3:*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
BLOCKS = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
HTTP = {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}]}
ANYBODY = {"fromPort": 0.0, "toPort": 100.0, "cidrBlock": "0.0.0.0/0", "action": "allow"}
OPEN = {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp"}
INGRESS = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def event(source: str, *categories: str) -> Thing:
    return "rds/eventSubscription:EventSubscription", {"sourceType": source, "eventCategories": list(categories)}


def part(kind: str, owner: str = "bucket", **inputs: Any) -> Thing:
    return f"{kind}", {**inputs, "__owner": owner}


def of_bucket(kind: str, **inputs: Any) -> Thing:
    return part(f"s3/bucket{kind}:Bucket{kind}", **inputs)


def endpoint(service: str) -> Thing:
    return part("ec2/vpcEndpoint:VpcEndpoint", "vpcId", serviceName=f"com.amazonaws.us-east-1.{service}")


CASES: dict[str, tuple[list[Thing], list[Thing]]] = {
    "RDS.1": ([("rds/snapshot:Snapshot", {})], [("rds/snapshot:Snapshot", {"sharedAccounts": ["all"]})]),
    "RDS.2": ([(DB, {"publiclyAccessible": False})], [(DB, {"publiclyAccessible": True})]),
    "RDS.3": ([(DB, {"storageEncrypted": True})], [(DB, {})]),
    "RDS.4": ([(DB, {"kmsKeyId": "k"})], [(DB, {})]),
    "RDS.5": ([(DB, {"multiAz": True})], [(DB, {"multiAz": False})]),
    "RDS.6": ([(DB, {"monitoringInterval": 60.0})], [(DB, {"monitoringInterval": 0.0})]),
    "RDS.8": ([(DB, {"deletionProtection": True})], [(DB, {})]),
    "RDS.9": ([(DB, {"enabledCloudwatchLogsExports": ["postgresql", "upgrade"]})], [(DB, {})]),
    "RDS.10": ([(DB, {"iamDatabaseAuthenticationEnabled": True})], [(DB, {})]),
    "RDS.11": ([(DB, {"backupRetentionPeriod": 30.0})], [(DB, {"backupRetentionPeriod": 1.0})]),
    "RDS.13": ([(DB, {})], [(DB, {"autoMinorVersionUpgrade": False})]),
    "RDS.17": ([(DB, {"copyTagsToSnapshot": True})], [(DB, {})]),
    "RDS.18": ([(DB, {"dbSubnetGroupName": "s", "vpcSecurityGroupIds": ["g"]})], [(DB, {"dbSubnetGroupName": "s"})]),
    "RDS.20": (
        [(DB, {}), event("db-instance", "maintenance", "configuration change", "failure")],
        [(DB, {}), event("db-instance", "failure")],
    ),
    "RDS.21": ([(DB, {}), event("db-parameter-group", "configuration change")], [(DB, {})]),
    "RDS.22": ([(DB, {}), event("db-security-group", "configuration change", "failure")], [(DB, {})]),
    "RDS.23": ([(DB, {"port": 5433.0})], [(DB, {})]),
    "RDS.25": ([(DB, {"username": "pitchbar"})], [(DB, {"username": "postgres"})]),
    "ElastiCache.1": ([(REDIS, {"snapshotRetentionLimit": 1.0})], [(REDIS, {})]),
    "ElastiCache.2": ([(REDIS, {"autoMinorVersionUpgrade": True})], [(REDIS, {})]),
    "ElastiCache.3": ([(REDIS, {"automaticFailoverEnabled": True})], [(REDIS, {})]),
    "ElastiCache.4": ([(REDIS, {"atRestEncryptionEnabled": True})], [(REDIS, {})]),
    "ElastiCache.5": ([(REDIS, {"transitEncryptionEnabled": True})], [(REDIS, {})]),
    "ElastiCache.6": ([(REDIS, {"authToken": "t"})], [(REDIS, {})]),
    "ElastiCache.7": ([(REDIS, {"subnetGroupName": "s"})], [(REDIS, {})]),
    "SecretsManager.1": ([SECRET, part("secretsmanager/secretRotation:SecretRotation", "secretId")], [SECRET]),
    "SecretsManager.2": (
        [("secretsmanager/secretRotation:SecretRotation", {"rotationLambdaArn": "a"})],
        [("secretsmanager/secretRotation:SecretRotation", {})],
    ),
    "SecretsManager.3": ([SECRET, part(TASK, "containerDefinitions", containerDefinitions="[]")], [SECRET]),
    "SecretsManager.4": ([SECRET, part("secretsmanager/secretRotation:SecretRotation", "secretId")], [SECRET]),
    "Backup.1": ([("backup/vault:Vault", {"kmsKeyArn": "k"})], [("backup/vault:Vault", {})]),
    "ECS.1": ([(TASK, {"networkMode": "awsvpc"})], [(TASK, {"networkMode": "host"})]),
    "ECS.2": (
        [("ecs/service:Service", {"networkConfiguration": {"assignPublicIp": False}})],
        [("ecs/service:Service", {"networkConfiguration": {}})],
    ),
    "ECS.3": ([(TASK, {})], [(TASK, {"pidMode": "host"})]),
    "ECS.4": (
        [(TASK, {"containerDefinitions": container()})],
        [(TASK, {"containerDefinitions": container(privileged=True)})],
    ),
    "ECS.5": (
        [(TASK, {"containerDefinitions": container()})],
        [(TASK, {"containerDefinitions": container(readonlyRootFilesystem=False)})],
    ),
    "ECS.8": (
        [(TASK, {"containerDefinitions": container(environment=[{"name": "DB_PASSWORD_ARN", "value": "a"}])})],
        [(TASK, {"containerDefinitions": container(environment=[{"name": "DB_PASSWORD", "value": "a"}])})],
    ),
    "ECS.9": (
        [(TASK, {"containerDefinitions": container()})],
        [(TASK, {"containerDefinitions": container(logConfiguration=None)})],
    ),
    "ECS.10": ([("ecs/service:Service", {})], [("ecs/service:Service", {"platformVersion": "1.3.0"})]),
    "ECS.12": (
        [("ecs/cluster:Cluster", {"settings": [{"name": "containerInsights", "value": "enabled"}]})],
        [("ecs/cluster:Cluster", {"settings": [{"name": "containerInsights", "value": "disabled"}]})],
    ),
    "ECR.1": ([(ECR, {"imageScanningConfiguration": {"scanOnPush": True}})], [(ECR, {})]),
    "ECR.2": ([(ECR, {"imageTagMutability": "IMMUTABLE"})], [(ECR, {"imageTagMutability": "MUTABLE"})]),
    "ECR.3": ([(ECR, {}), part("ecr/lifecyclePolicy:LifecyclePolicy", "repository")], [(ECR, {})]),
    "ELB.1": ([(LISTENER, HTTP)], [(LISTENER, {**HTTP, "defaultActions": [{"type": "forward"}]})]),
    "ELB.4": ([(LB, {"dropInvalidHeaderFields": True})], [(LB, {})]),
    "ELB.5": ([(LB, {"accessLogs": {"enabled": True}})], [(LB, {})]),
    "ELB.6": ([(LB, {"enableDeletionProtection": True})], [(LB, {})]),
    "ELB.12": ([(LB, {"desyncMitigationMode": "strictest"})], [(LB, {"desyncMitigationMode": "monitor"})]),
    "ELB.13": ([(LB, {"subnets": ["a", "b"]})], [(LB, {"subnets": ["a"]})]),
    "ELB.17": (
        [(LISTENER, {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"})],
        [(LISTENER, {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-2016-08"})],
    ),
    "ELB.18": ([(LISTENER, {"protocol": "HTTPS"})], [(LISTENER, {"protocol": "TCP"})]),
    "S3.1": ([BUCKET, of_bucket("PublicAccessBlock", **BLOCKS)], [BUCKET]),
    "S3.2": (
        [BUCKET, of_bucket("Policy", policy=policy(Principal={"AWS": "arn:aws:iam::1:root"}))],
        [BUCKET, of_bucket("Policy", policy=policy(Principal="*"))],
    ),
    "S3.3": (
        [BUCKET, of_bucket("Policy", policy=policy(Action="s3:PutObject", Principal={"Service": "a"}))],
        [BUCKET, of_bucket("Policy", policy=policy(Action="s3:PutObject", Principal={"AWS": "*"}))],
    ),
    "S3.5": ([BUCKET, of_bucket("Policy", policy=DENY)], [BUCKET]),
    "S3.6": (
        [BUCKET, of_bucket("Policy", policy=policy(Principal={"AWS": "arn:aws:iam::1:root"}))],
        [BUCKET, of_bucket("Policy", policy=policy(Action="s3:*", Principal={"AWS": "arn:aws:iam::1:root"}))],
    ),
    "S3.8": (
        [BUCKET, of_bucket("PublicAccessBlock", **BLOCKS)],
        [BUCKET, of_bucket("PublicAccessBlock", **{**BLOCKS, "ignorePublicAcls": False})],
    ),
    "S3.9": ([BUCKET, of_bucket("Logging")], [BUCKET]),
    "S3.10": (
        [BUCKET, of_bucket("Versioning", versioningConfiguration={"status": "Suspended"})],
        [BUCKET, of_bucket("Versioning", versioningConfiguration={"status": "Enabled"})],
    ),
    "S3.11": ([BUCKET, of_bucket("Notification")], [BUCKET]),
    "S3.12": ([BUCKET, of_bucket("OwnershipControls", rule={"objectOwnership": "BucketOwnerEnforced"})], [BUCKET]),
    "S3.13": ([BUCKET, of_bucket("LifecycleConfiguration", rules=[])], [BUCKET]),
    "EC2.2": ([VPC, part("ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId")], [VPC]),
    "EC2.6": ([VPC, part("ec2/flowLog:FlowLog", "vpcId")], [VPC]),
    "EC2.10": ([VPC, endpoint("ec2")], [VPC, endpoint("logs")]),
    "EC2.15": ([("ec2/subnet:Subnet", {})], [("ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True})]),
    "EC2.18": (
        [GROUP, (INGRESS, {**OPEN, "fromPort": 443.0, "toPort": 443.0})],
        [GROUP, (INGRESS, {**OPEN, "fromPort": 8000.0, "toPort": 8000.0})],
    ),
    "EC2.19": (
        [GROUP, (INGRESS, {**OPEN, "cidrIpv4": "10.0.0.0/16", "fromPort": 5432.0, "toPort": 5432.0})],
        [GROUP, (INGRESS, {**OPEN, "ipProtocol": "-1"})],
    ),
    "EC2.21": (
        [("ec2/networkAcl:NetworkAcl", {"ingress": []})],
        [("ec2/networkAcl:NetworkAcl", {"ingress": [ANYBODY]})],
    ),
    "EC2.55": ([VPC, endpoint("ecr.api")], [VPC]),
    "EC2.56": ([VPC, endpoint("ecr.dkr")], [VPC]),
    "KMS.1": (
        [(IAM, {"policy": policy(Action="kms:Decrypt", Resource="arn:aws:kms:a:1:key/b")})],
        [(IAM, {"policy": policy(Action=["kms:Decrypt"], Resource="*")})],
    ),
    "KMS.2": (
        [("iam/rolePolicy:RolePolicy", {"policy": policy(Action="kms:Decrypt", Resource="arn:aws:kms:a:1:key/b")})],
        [("iam/role:Role", {"inlinePolicies": [{"policy": policy(Action="kms:*", Resource="arn:aws:kms:a:1:key/*")}]})],
    ),
    "KMS.3": ([("kms/key:Key", {"deletionWindowInDays": 30.0})], [("kms/key:Key", {"deletionWindowInDays": 7.0})]),
    "KMS.5": (
        [("kms/key:Key", {"policy": policy(Principal={"AWS": "*"}, Condition={"StringEquals": {"a": "b"}})})],
        [("kms/key:Key", {"policy": policy(Principal={"AWS": "*"})})],
    ),
    "IAM.1": ([(IAM, {"policy": policy()})], [(IAM, {"policy": policy(Action="*", Resource="*")})]),
    "IAM.2": ([], [("iam/userPolicy:UserPolicy", {})]),
    "IAM.21": ([(IAM, {"policy": policy()})], [(IAM, {"policy": policy(Action="s3:*")})]),
}  # fmt: skip


def declared(things: list[Thing]) -> Declared:
    """Resources; a part belongs to the first one."""
    resources = []
    for number, (type, inputs) in enumerate(things):
        owner = {inputs["__owner"]: frozenset({"urn:0"})} if "__owner" in inputs else {}
        own = {name: value for name, value in inputs.items() if name != "__owner"}
        resources.append(
            Registered(
                f"urn:{number}",
                f"aws:{type}",
                f"thing-{number}",
                "",
                True,
                own,
                frozenset(),
                frozenset(),
                sources=owner,
            )
        )
    return Declared(tuple(resources))


def test_every_control_of_the_list_is_there_once() -> None:
    assert sorted(control.id for control in CONTROLS) == sorted(IDS)
    assert set(CASES) == set(IDS)


@pytest.mark.parametrize("id", IDS)
def test_what_keeps_a_control_has_no_problem(id: str) -> None:
    good, _ = CASES[id]
    assert BY_ID[id].problems(declared(good)) == []
    assert BY_ID[id].looked_at(declared(good)) > 0 or not good


@pytest.mark.parametrize("id", IDS)
def test_what_breaks_a_control_is_found_and_named(id: str) -> None:
    _, bad = CASES[id]
    [problem] = BY_ID[id].problems(declared(bad))
    assert re.fullmatch(rf"{re.escape(id)}: \S.* \S.*\. [A-Z].*\.", problem), problem


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_a_control_is_said_in_sentences(control: Control) -> None:
    assert control.says.endswith(".") and control.says[0].isupper()
    assert control.fix.endswith(".") and control.fix[0].isupper()


def test_the_document_is_what_the_controls_say() -> None:
    path = project_root() / "docs" / "security-controls.md"
    assert path.read_text(encoding="utf-8") == render(), "run `make security-controls`"


def test_every_exemption_has_a_sentence_and_names_things_that_are() -> None:
    for exemption in EXEMPTIONS:
        assert exemption.control in IDS
        assert exemption.kinds and set(exemption.kinds) <= set(KINDS)
        assert exemption.reason[0].isupper() and exemption.reason.endswith(".")
    assert len({(each.control, kind) for each in EXEMPTIONS for kind in each.kinds}) == sum(
        len(each.kinds) for each in EXEMPTIONS
    )

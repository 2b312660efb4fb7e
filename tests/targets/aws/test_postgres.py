"""The database server: what RDS is asked for in each environment, and sizes that it doesn't have."""

from dataclasses import replace
from typing import Any

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.model import Environment
from infra.targets.aws.database_size import Size, size
from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.stores import BASE, OWN, PULL_REQUEST, TOPIC, named, stores
from tests.support.engine import Recording

INSTANCE = "aws:rds/instance:Instance"
SERVERS = (*OWN, BASE)
EVERYWHERE: dict[str, Any] = {
    "engine": "postgres",
    "engineVersion": "16",
    "storageType": "gp3",
    "storageEncrypted": True,
    "port": 5433,
    "publiclyAccessible": False,
    "caCertIdentifier": "rds-ca-rsa2048-g1",
    "username": "pitchbaradmin",
    "manageMasterUserPassword": True,
    "iamDatabaseAuthenticationEnabled": True,
    "autoMinorVersionUpgrade": True,
    "allowMajorVersionUpgrade": False,
    "maintenanceWindow": "sun:08:00-sun:09:00",
    "backupWindow": "07:00-07:30",
    "copyTagsToSnapshot": True,
}
WATCHED: dict[str, Any] = {
    "performanceInsightsEnabled": True,
    "performanceInsightsRetentionPeriod": 7,
    "monitoringInterval": 60,
    "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
}
DIFFERENT: dict[str, dict[str, Any]] = {
    "production": {
        **WATCHED,
        "instanceClass": "db.t4g.medium",
        "allocatedStorage": 50,
        "maxAllocatedStorage": 200,
        "multiAz": True,
        "applyImmediately": False,
        "deletionProtection": True,
        "backupRetentionPeriod": 30,
        "deleteAutomatedBackups": False,
        "skipFinalSnapshot": False,
        "tags": {"Backup": "production"},
    },
    "staging": {
        **WATCHED,
        "instanceClass": "db.t4g.medium",
        "allocatedStorage": 50,
        "maxAllocatedStorage": 200,
        "multiAz": False,
        "applyImmediately": True,
        "deletionProtection": False,
        "backupRetentionPeriod": 30,
        "deleteAutomatedBackups": False,
        "skipFinalSnapshot": False,
        "tags": {"Backup": "staging"},
    },
    BASE: {
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "maxAllocatedStorage": 80,
        "multiAz": False,
        "applyImmediately": True,
        "deletionProtection": False,
        "backupRetentionPeriod": 0,
        "deleteAutomatedBackups": True,
        "skipFinalSnapshot": True,
        "performanceInsightsEnabled": False,
        "monitoringInterval": 0,
        "enabledCloudwatchLogsExports": [],
    },
}
MADE = {
    "kmsKeyId",
    "masterUserSecretKmsKeyId",
    "performanceInsightsKmsKeyId",
    "monitoringRoleArn",
    "dbSubnetGroupName",
    "parameterGroupName",
    "vpcSecurityGroupIds",
    "identifier",
    "finalSnapshotIdentifier",
}
"""What comes from other resources, or is named after the stack."""


@pytest.mark.parametrize("stack", SERVERS)
def test_what_rds_is_asked_for(stack: str) -> None:
    instance = stores(stack).one(INSTANCE)
    asked = {key: value for key, value in instance.inputs.items() if key not in MADE}
    assert asked == {**EVERYWHERE, **DIFFERENT[stack]}
    assert instance.options.protect is (stack == "production")


@pytest.mark.parametrize("stack", SERVERS)
def test_all_of_it_is_encrypted_with_the_stacks_own_key(stack: str) -> None:
    recording = stores(stack)
    instance, key = recording.one(INSTANCE), recording.outputs["data_key_arn"]
    keys = {name: value for name, value in instance.inputs.items() if "kmskey" in name.lower()}
    insights = {"performanceInsightsKmsKeyId": key} if stack in OWN else {}
    assert keys == {"kmsKeyId": key, "masterUserSecretKmsKeyId": key, **insights}


@pytest.mark.parametrize("stack", SERVERS)
def test_it_is_in_the_data_subnets_and_nothing_is_open(stack: str) -> None:
    recording = stores(stack)
    assert recording.one("aws:rds/subnetGroup:SubnetGroup").inputs["subnetIds"] == ["subnet-data-a", "subnet-data-b"]
    group = named(recording, "SecurityGroup")["postgres"]
    assert "egress" not in group.inputs and "ingress" not in group.inputs
    rules = {each.name: each for each in recording if each.type.endswith(("IngressRule", "EgressRule"))}
    mine = {name for name, rule in rules.items() if group.urn in rule.sources.get("securityGroupId", ())}
    assert mine == ({"database-to-postgres"} if stack in OWN else set())


@pytest.mark.parametrize("stack", SERVERS)
def test_only_tls_and_scram_come_in_and_what_is_slow_or_changes_the_schema_is_logged(stack: str) -> None:
    group = stores(stack).one("aws:rds/parameterGroup:ParameterGroup").inputs
    assert group["family"] == "postgres16"
    assert {each["name"]: (each["value"], each["applyMethod"]) for each in group["parameters"]} == {
        "rds.force_ssl": ("1", "pending-reboot"),
        "password_encryption": ("scram-sha-256", "pending-reboot"),
        "rds.accepted_password_auth_method": ("scram", "immediate"),
        "log_statement": ("ddl", "immediate"),
        "log_min_duration_statement": ("1000", "immediate"),
        "log_lock_waits": ("1", "immediate"),
        "log_temp_files": ("10240", "immediate"),
        "idle_in_transaction_session_timeout": ("300000", "immediate"),
    }


@pytest.mark.parametrize("stack", OWN)
def test_its_logs_are_encrypted_and_end_and_are_there_before_rds_makes_others(stack: str) -> None:
    recording = stores(stack)
    instance, logs = recording.one(INSTANCE), named(recording, "LogGroup")
    for log in ("postgresql", "upgrade"):
        group = logs[f"postgres-{log}"]
        assert group.inputs == {
            "name": f"/aws/rds/instance/pitchbar-{stack}-postgres/{log}",
            "kmsKeyId": recording.outputs["logs_key_arn"],
            "retentionInDays": 30,
        }
        assert group.urn in instance.dependencies
    assert instance.inputs["identifier"] == f"pitchbar-{stack}-postgres"


@pytest.mark.parametrize("stack", OWN)
def test_it_is_monitored_by_a_role_that_has_its_rights_already(stack: str) -> None:
    recording = stores(stack)
    attached = named(recording, "RolePolicyAttachment")["postgres-monitoring-AmazonRDSEnhancedMonitoringRole"]
    assert attached.urn in recording.one(INSTANCE).sources["monitoringRoleArn"]


@pytest.mark.parametrize("stack", OWN)
def test_each_life_of_a_stack_leaves_another_last_snapshot(stack: str) -> None:
    recording = stores(stack)
    instance, subnets = recording.one(INSTANCE), recording.one("aws:rds/subnetGroup:SubnetGroup")
    assert subnets.urn in instance.sources["finalSnapshotIdentifier"]
    snapshot = instance.inputs["finalSnapshotIdentifier"]
    start, _, end = snapshot.rpartition("-")
    assert start == f"pitchbar-{stack}-postgres-final" and len(end) == 6


@pytest.mark.parametrize("stack", OWN)
def test_the_topic_hears_of_failures_and_changes(stack: str) -> None:
    found = {
        each.inputs["sourceType"]: (
            each.inputs["eventCategories"],
            each.inputs.get("sourceIds"),
            each.inputs["snsTopic"],
        )
        for each in named(stores(stack), "EventSubscription").values()
    }
    assert set(found) == {"db-instance", "db-parameter-group", "db-security-group"}
    categories, sources, topic = found["db-instance"]
    assert {"failover", "failure", "low storage", "maintenance", "configuration change"} <= set(categories)
    assert sources == [f"pitchbar-{stack}-postgres"] and topic == TOPIC
    assert found["db-parameter-group"][0] == ["configuration change"]
    assert found["db-security-group"] == (["configuration change", "failure"], None, TOPIC)


def test_nobody_is_told_of_a_previews_server() -> None:
    assert named(stores(BASE), "EventSubscription") == {}


def test_a_pull_request_has_no_server_of_its_own() -> None:
    assert stores(PULL_REQUEST).of(INSTANCE) == ()


@pytest.mark.parametrize("stack", SERVERS)
def test_what_others_are_told_of_it(stack: str) -> None:
    recording = stores(stack)
    assert recording.outputs["port"] == 5433
    assert recording.outputs["identifier"] == f"pitchbar-{stack}-postgres"
    assert recording.outputs["master_secret_arn"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!")
    assert not {"address", "port", "identifier", "master_secret_arn"} & recording.secret_outputs


def sized(cpu: float, memory: int, disk: int = 50 * 1024) -> Environment:
    wanted = environment(load(), "staging")
    return replace(wanted, postgres=replace(wanted.postgres, cpu=cpu, memory=memory, disk=disk))


@pytest.mark.parametrize(
    ("cpu", "memory", "instance_class"),
    [
        (0.5, 256, "db.t4g.micro"),
        (2, 4096, "db.t4g.medium"),
        (2, 4097, "db.m7g.large"),
        (2, 16384, "db.r7g.large"),
        (4, 4096, "db.m7g.xlarge"),
        (48, 1024, "db.m7g.12xlarge"),
        (64, 512 * 1024, "db.r7g.16xlarge"),
    ],
)
def test_the_next_larger_class(cpu: float, memory: int, instance_class: str) -> None:
    assert size(sized(cpu, memory)).instance_class == instance_class


def test_a_size_that_fits_needs_no_words() -> None:
    assert size(sized(2, 4096)) == Size("db.t4g.medium", 50, 200, ())


def test_a_larger_size_is_said() -> None:
    assert size(sized(1, 3000, 10 * 1024)).notes == (
        "postgres: 1 vCPU with 2.92969 GB become db.t4g.medium, 2 vCPU with 4 GB: the next larger class of RDS.",
        "postgres: 10 GB of disk become 20 GB: the least that RDS has.",
    )


@pytest.mark.parametrize(("disk", "largest"), [(20 * 1024, 64 * 1024), (64 * 1024, 64 * 1024)])
def test_storage_never_grows_beyond_what_rds_has(disk: int, largest: int) -> None:
    made = size(sized(2, 4096, disk * 1024))
    assert (made.disk, made.max_disk) == (disk, largest)


@pytest.mark.parametrize(("cpu", "memory", "key"), [(2, 513 * 1024, "memory"), (65, 4096, "cpu")])
def test_an_impossible_size_names_its_key(cpu: float, memory: int, key: str) -> None:
    with pytest.raises(UserError) as refused:
        size(sized(cpu, memory))
    assert str(refused.value) == (
        f"environments.staging.postgres.{key} in infra/cloud.yaml is more than RDS has: {cpu} vCPU with "
        f"{memory // 1024} GB, and the largest class, db.r7g.16xlarge, has 64 vCPU with 512 GB. Lower it there."
    )


def test_recordings_are_of_different_stacks() -> None:
    """The comparison above compares four programs, not one four times."""
    found: list[Recording] = [stores(stack) for stack in SERVERS]
    assert len({recording.one(INSTANCE).inputs["identifier"] for recording in found}) == len(SERVERS)

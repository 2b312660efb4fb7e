"""PostgreSQL 16 by RDS."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import own_name
from infra.targets.aws import foundation
from infra.targets.aws.backups import backup_tags
from infra.targets.aws.database_size import size
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import create_role
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of

PORT = 5433
"""Not PostgreSQL's own (RDS.23): what scans for 5432 finds nothing."""

_MASTER = "pitchbaradmin"
_BACKUP_WINDOW = "07:00-07:30"
_MAINTENANCE_WINDOW = "sun:08:00-sun:09:00"
"""UTC: night in America, early morning in Europe. AWS Backup runs at another time (`backups.py`)."""

_AUTHORITY = "rds-ca-rsa2048-g1"
_INSIGHTS_DAYS = 7
_MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
_INSISTED = {"rds.force_ssl": "1", "password_encryption": "scram-sha-256"}
"""What RDS has by itself today. It reports such a parameter as pending a restart, whatever was asked for."""

_CHANGED = {
    "rds.accepted_password_auth_method": "scram",
    "log_statement": "ddl",
    "log_min_duration_statement": "1000",
    "log_lock_waits": "1",
    "log_temp_files": "10240",
    "idle_in_transaction_session_timeout": "300000",
}
"""In milliseconds and kB; none of them needs a restart. pgvector needs nothing preloaded, and the time that a migration
waits for a lock is its own."""

_EVENTS = {
    "db-instance": ("availability", "configuration change", "failover", "failure", "low storage", "maintenance",
                    "notification", "recovery"),
    "db-parameter-group": ("configuration change",),
    "db-security-group": ("configuration change", "failure"),
}  # fmt: skip


@dataclass(frozen=True)
class DatabaseServerArgs:
    """``topic_arn``: who hears of failovers, failures and maintenance (RDS.20–.22); None: nobody."""

    plan: Plan
    network: foundation.Network
    keys: foundation.Keys
    topic_arn: Input[str] | None = None


class DatabaseServer(pulumi.ComponentResource):
    """The database server: RDS.2–.6, .8–.11, .13, .17, .18, .20–.23, .25, .36; CKV_AWS_16, 17, 118, 129, 133, 157, 161,
    211, 226, 293, 353, 354; CKV2_AWS_30, 60, 69. Whoever uses it has a database and a role of its own
    (:mod:`infra.targets.aws.database`); the master's password is RDS' own, kept and rotated in Secrets Manager.

    What is changed on an environment under protection waits for its maintenance window, because much of it restarts the
    server; elsewhere it is changed at once.
    """

    facts: foundation.DatabaseServer
    subnet_group_name: Output[str]

    def __init__(self, name: str, args: DatabaseServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:DatabaseServer", name, None, opts)
        self._args = args
        self._settings = settings(args.plan.environment.name)
        self._child = ResourceOptions(parent=self)
        self._identifier = _identifier(args.plan)
        self._security_group = self._create_security_group()
        self._subnets = aws.rds.SubnetGroup("postgres", subnet_ids=args.network.data_subnet_ids, opts=self._child)
        self._parameters = self._create_parameters()
        self._instance = self._create_instance(self._create_log_groups())
        self._create_event_subscriptions()
        self.facts, self.subnet_group_name = self._facts(), self._subnets.name
        self.register_outputs({"address": self.facts.address, "port": self.facts.port})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            "postgres",
            description="The database server: nothing out, and in what asked for it",
            vpc_id=self._args.network.vpc_id,
            opts=self._child,
        )

    def _create_parameters(self) -> aws.rds.ParameterGroup:
        return aws.rds.ParameterGroup(
            "postgres",
            family=f"postgres{self._args.plan.environment.postgres.version}",
            description="TLS and SCRAM only; slow statements, lock waits and changes of the schema are logged",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=name, value=value, apply_method=method)
                for method, parameters in (("pending-reboot", _INSISTED), ("immediate", _CHANGED))
                for name, value in parameters.items()
            ],
            opts=self._child,
        )

    def _create_log_groups(self) -> dict[str, aws.cloudwatch.LogGroup]:
        if not self._settings.log_exports:
            return {}
        return {
            log: create_log_group(
                self._args.plan,
                f"postgres-{log}",
                self._args.keys.logs_key_arn,
                self._child,
                physical=f"/aws/rds/instance/{self._identifier}/{log}",
            )
            for log in ("postgresql", "upgrade")
        }

    def _create_instance(self, logs: dict[str, aws.cloudwatch.LogGroup]) -> aws.rds.Instance:
        environment, key = self._args.plan.environment, self._args.keys.data_key_arn
        fitted = size(environment)
        for note in fitted.notes:
            pulumi.log.info(note, self)
        watched = self._settings.performance_insights
        # Its logical name is the state's key: a rename deletes the database.
        return aws.rds.Instance(
            "postgres",
            identifier=self._identifier,
            engine="postgres",
            engine_version=str(environment.postgres.version),
            instance_class=fitted.instance_class,
            storage_type="gp3",
            allocated_storage=fitted.disk,
            max_allocated_storage=fitted.max_disk if fitted.max_disk > fitted.disk else None,
            storage_encrypted=True,
            kms_key_id=key,
            multi_az=environment.postgres.multi_az,
            port=PORT,
            db_subnet_group_name=self._subnets.name,
            vpc_security_group_ids=[self._security_group.id],
            publicly_accessible=False,
            ca_cert_identifier=_AUTHORITY,
            parameter_group_name=self._parameters.name,
            username=_MASTER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key,
            iam_database_authentication_enabled=True,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            apply_immediately=not environment.protect,
            maintenance_window=_MAINTENANCE_WINDOW,
            backup_window=_BACKUP_WINDOW,
            backup_retention_period=environment.backups.retention if environment.backups.pitr else 0,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not self._settings.final_snapshot,
            skip_final_snapshot=not self._settings.final_snapshot,
            final_snapshot_identifier=self._final_snapshot() if self._settings.final_snapshot else None,
            deletion_protection=environment.protect,
            performance_insights_enabled=watched,
            performance_insights_kms_key_id=key if watched else None,
            performance_insights_retention_period=_INSIGHTS_DAYS if watched else None,
            monitoring_interval=60 if watched else 0,
            monitoring_role_arn=self._create_monitoring_role() if watched else None,
            enabled_cloudwatch_logs_exports=list(logs),
            tags=backup_tags(self._args.plan),
            opts=ResourceOptions(parent=self, protect=environment.protect, depends_on=list(logs.values())),
        )

    def _final_snapshot(self) -> Output[str]:
        """Another name in each life of the stack: a snapshot of the one before may still be there."""
        return self._subnets.name.apply(lambda name: f"{self._identifier}-final-{name.rpartition('-')[2]}")

    def _create_monitoring_role(self) -> Output[str]:
        return create_role(
            self._args.plan,
            "postgres-monitoring",
            service="monitoring.rds.amazonaws.com",
            description="Enhanced monitoring of the database server",
            managed=[_MONITORING],
            opts=self._child,
        ).arn

    def _create_event_subscriptions(self) -> None:
        if self._args.topic_arn is None:
            return
        sources: dict[str, Sequence[Input[str]]] = {
            "db-instance": [self._instance.identifier],
            "db-parameter-group": [self._parameters.name],
        }
        for source, categories in _EVENTS.items():
            aws.rds.EventSubscription(
                f"postgres-{source}",
                sns_topic=self._args.topic_arn,
                source_type=source,
                source_ids=sources.get(source),
                event_categories=list(categories),
                opts=self._child,
            )

    def _facts(self) -> foundation.DatabaseServer:
        instance = self._instance
        return foundation.DatabaseServer(
            address=instance.address,
            port=instance.port,
            identifier=instance.identifier,
            resource_id=instance.resource_id,
            security_group_id=self._security_group.id,
            master_secret_arn=instance.master_user_secrets.apply(lambda secrets: str(secrets[0].secret_arn)),
        )


def _identifier(plan: Plan) -> str:
    """Known before the instance is there, because RDS' log groups are named after it."""
    return own_name(f"{cloud_of(plan).product}-{plan.stack}-postgres")

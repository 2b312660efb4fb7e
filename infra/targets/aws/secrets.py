"""The environment's generated secrets, kept in Secrets Manager, where tasks get them by ARN.

Logical names are the state's keys: a rename makes a new value and deletes the old one, so never rename one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import second_region
from infra.resources import Secret, SecretArgs
from infra.stack_config import Rotation
from infra.targets.aws import foundation
from infra.targets.aws.key_policies import stored
from infra.targets.aws.keys import create_key, deletion_window
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of
from infra.wiring import Keys

_KINDS = {
    "app-key": "key",
    "admin-password": "password",
    "database-password": "token",
    "redis-password": "token",
    "queue-token": "token",
    "realtime-key": "token",
    "realtime-secret": "token",
}
_ORIGIN_TOKEN = "origin-token"
_APP_KEY = {"APP_KEY": "app-key"}
_ENVIRONMENT = {
    "ADMIN_PASSWORD": "admin-password",
    "DB_PASSWORD": "database-password",
    "REDIS_PASSWORD": "redis-password",
    "INTERNAL_QUEUE_TOKEN": "queue-token",
    "REVERB_APP_KEY": "realtime-key",
    "REVERB_APP_SECRET": "realtime-secret",
}
_PREVIOUS = {"APP_KEY": "APP_PREVIOUS_KEYS", "INTERNAL_QUEUE_TOKEN": "INTERNAL_QUEUE_TOKEN_PREVIOUS"}
"""A variable and the one for its value before, which is there only while that is still accepted."""


@dataclass(frozen=True)
class SecretsArgs:
    """``second_region``: where the replica of APP_KEY is, in environments that have one."""

    plan: Plan
    keys: foundation.Keys
    second_region: aws.Provider | None = None


@dataclass(frozen=True)
class Accepted:
    """A token that callers send: its value, and the one before, which is empty unless the token is being rotated."""

    current: Output[str]
    previous: Output[str]

    @property
    def values(self) -> Output[list[str]]:
        """Those of the two that are there."""
        return Output.all(self.current, self.previous).apply(lambda both: [value for value in both if value])


class Secrets(pulumi.ComponentResource):
    """Generated values (Pulumi secrets from the start), in two secrets of Secrets Manager: APP_KEY, without which what
    customers entered can't be read, in one with its own key and a replica elsewhere; everything else in the other.

    SecretsManager.1 and .4 (rotation by a function) aren't met: ``pitchbar rotate`` makes a new value and the same
    update brings it to every process. SecretsManager.3 doesn't apply: nothing unused is kept.
    """

    references: Mapping[str, Output[str]]
    """Environment variable → ``valueFrom`` of ECS. It names the version, so a new value makes a new task definition."""
    for_renewal: Mapping[str, Output[str]]
    """The same for the task that retires the app-key's previous value: both keys, once it was rotated."""
    readable: list[Output[str]]
    """The ARNs that an execution role must be allowed to read."""
    environment_arn: Output[str]
    """The one of them that has everything but APP_KEY, encrypted with the data key."""
    key_arns: list[Input[str]]
    """The KMS keys that they are encrypted with."""
    origin_token: Accepted | None
    """What our Cloudflare zone sends to the load balancer; None where that is the base's."""

    def __init__(self, name: str, args: SecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Secrets", name, None, opts)
        self._plan, self._args = args.plan, args
        self._generated = {secret: self._create_generated(secret, kind) for secret, kind in _KINDS.items()}
        self.origin_token = self._create_origin_token()
        app_key_arn, replicas = self._create_app_key_keys()
        app_key = self._create_secret("app-key", "APP_KEY, which encrypts settings", app_key_arn, replicas)
        environment = self._create_secret("environment", "Passwords and tokens", args.keys.data_key_arn)
        stored = {
            **self._create_version("app-key", app_key, _APP_KEY),
            **self._create_version("environment", environment, _ENVIRONMENT),
        }
        self.references = {name: source for name, source in stored.items() if self._is_accepted(name)}
        self.for_renewal = {name: stored[name] for name in ("APP_KEY", "APP_PREVIOUS_KEYS") if name in stored}
        self.readable, self.environment_arn = [app_key.arn, environment.arn], environment.arn
        self.key_arns = [app_key_arn, args.keys.data_key_arn]
        self.register_outputs({"readable": self.readable})

    @property
    def app_key_previous(self) -> Output[str]:
        """APP_KEY before its last rotation, which a database restored from then needs; empty before the first."""
        return self._generated["app-key"].previous

    def keys(self) -> Keys:
        """The values that the program itself hands on: to the stack's outputs, the cron Worker, the verification."""
        generated = self._generated
        return Keys(
            app_key=generated["app-key"].value,
            app_previous_keys="" if self._rotation("app-key").retired else generated["app-key"].previous,
            admin_password=generated["admin-password"].value,
            queue_token=generated["queue-token"].value,
            queue_token_previous=generated["queue-token"].previous,
            realtime_key=generated["realtime-key"].value,
            realtime_secret=generated["realtime-secret"].value,
        )

    @property
    def redis_password(self) -> Output[str]:
        """ElastiCache is given it by the program, not by ECS."""
        return self._generated["redis-password"].value

    def _create_generated(self, name: str, kind: str) -> Secret:
        rotation = self._rotation(name)
        # The app-key's previous value stays in the state until the next rotation: the renewal that retires it reads it.
        args = SecretArgs(kind, rotation.version, rotation.retired and name != "app-key")
        return Secret(name, args, ResourceOptions(parent=self, protect=self._plan.environment.protect))

    def _create_origin_token(self) -> Accepted | None:
        if cloud_of(self._plan).base is not None:
            return None
        token = self._create_generated(_ORIGIN_TOKEN, "token")
        return Accepted(token.value, token.previous)

    def _create_app_key_keys(self) -> tuple[Input[str], list[aws.secretsmanager.SecretReplicaArgs]]:
        """APP_KEY's own KMS key and, with the same key material, its replica in the second region."""
        provider = self._args.second_region
        if not settings(self._plan.environment.name).second_region:
            return self._args.keys.data_key_arn, []
        second = second_region(cloud_of(self._plan).region)
        if provider is None:
            raise ValueError(f"no provider for {second}, where the replica of APP_KEY is")
        key = create_key(
            self._plan, "app-key", "APP_KEY", stored(self._plan, ("secretsmanager",)), self, multi_region=True
        )
        replica = aws.kms.ReplicaKey(
            "app-key",
            description=f"APP_KEY of {self._plan.stack}, for {second}",
            primary_key_arn=key.arn,
            policy=stored(self._plan, ("secretsmanager",), region=second),
            deletion_window_in_days=deletion_window(self._plan),
            opts=ResourceOptions(parent=self, provider=provider, protect=self._plan.environment.protect),
        )
        return key.arn, [aws.secretsmanager.SecretReplicaArgs(region=second, kms_key_id=replica.arn)]

    def _create_secret(
        self,
        name: str,
        description: str,
        key_arn: Input[str],
        replicas: Sequence[aws.secretsmanager.SecretReplicaArgs] = (),
    ) -> aws.secretsmanager.Secret:
        return aws.secretsmanager.Secret(
            name,
            description=f"{description}, of {self._plan.stack}",
            kms_key_id=key_arn,
            replicas=replicas or None,
            recovery_window_in_days=30 if settings(self._plan.environment.name).final_snapshot else 0,
            opts=ResourceOptions(parent=self, protect=self._plan.environment.protect),
        )

    def _create_version(
        self, name: str, secret: aws.secretsmanager.Secret, variables: Mapping[str, str]
    ) -> dict[str, Output[str]]:
        """Store the values as JSON; give each variable's reference."""
        values: dict[str, Output[str]] = {}
        for variable, source in variables.items():
            values[variable] = self._generated[source].value
            if variable in _PREVIOUS and self._is_kept(source):
                values[_PREVIOUS[variable]] = self._generated[source].previous
        version = aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=Output.json_dumps(values, sort_keys=True),
            version_stages=self._labels(name),
            # The version before keeps its label, so that tasks of the previous release can still start.
            opts=ResourceOptions(parent=self, retain_on_delete=True),
        )
        return {variable: Output.concat(secret.arn, ":", variable, "::", version.version_id) for variable in values}

    def _labels(self, name: str) -> list[str] | None:
        """AWS forgets a version without a label. Each APP_KEY has one of its own, because a backup may be older than
        the last two rotations."""
        return ["AWSCURRENT", f"v{self._rotation(name).version}"] if name == "app-key" else None

    def _is_kept(self, name: str) -> bool:
        """Whether the value before is stored: the app-key's also once it is retired, for the renewal reads it then, and
        a version of its own would be another one than the tasks have that are to be renewed for."""
        rotation = self._rotation(name)
        return rotation.version > 1 and (name == "app-key" or not rotation.retired)

    def _is_accepted(self, variable: str) -> bool:
        """Whether processes get the variable: a value before only while it is being rotated."""
        source = next((name for name, previous in _PREVIOUS.items() if previous == variable), None)
        return source is None or not self._rotation({**_APP_KEY, **_ENVIRONMENT}[source]).retired

    def _rotation(self, name: str) -> Rotation:
        return self._plan.rotations.get(name, Rotation())

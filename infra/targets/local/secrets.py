"""The environment's generated secrets. Logical names are the state's keys: a rename makes a new value, so never
rename one."""

from pulumi import ResourceOptions

from infra.resources import Secret, SecretArgs
from infra.stack_config import Rotation
from infra.targets.base import Plan
from infra.wiring import Keys

APP_KEY = "app-key"
"""Retired, its previous value is kept in the state until the next rotation, though no process gets it any more: a
database that is restored from before the rotation needs it."""


class Secrets:
    """One :class:`infra.resources.Secret` for each purpose, so that each is rotated by itself."""

    def __init__(self, plan: Plan, opts: ResourceOptions) -> None:
        self._app_key_rotation = plan.rotations.get(APP_KEY, Rotation())
        self.app_key = Secret(APP_KEY, SecretArgs("key", self._app_key_rotation.version), opts)
        self.admin_password = Secret("admin-password", SecretArgs("password"), opts)
        self.database_password = Secret("database-password", SecretArgs("token"), opts)
        self.redis_password = Secret("redis-password", SecretArgs("token"), opts)
        self.queue_token = Secret("queue-token", _rotated(plan, "queue-token", "token"), opts)
        self.realtime_key = Secret("realtime-key", SecretArgs("token"), opts)
        self.realtime_secret = Secret("realtime-secret", SecretArgs("token"), opts)

    def keys(self) -> Keys:
        """The secrets that processes share."""
        return Keys(
            app_key=self.app_key.value,
            app_previous_keys="" if self._app_key_rotation.retired else self.app_key.previous,
            admin_password=self.admin_password.value,
            queue_token=self.queue_token.value,
            queue_token_previous=self.queue_token.previous,
            realtime_key=self.realtime_key.value,
            realtime_secret=self.realtime_secret.value,
        )


def _rotated(plan: Plan, name: str, kind: str) -> SecretArgs:
    """A secret as often rotated as the stack's configuration says, the value before retired or not."""
    rotation = plan.rotations.get(name, Rotation())
    return SecretArgs(kind, rotation.version, rotation.retired)

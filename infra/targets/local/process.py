"""The release's processes: migrated for, started beside the old ones, verified."""

from collections.abc import Sequence
from typing import Any

from pulumi import Output, Resource, ResourceOptions

from infra import wiring
from infra.model import Process, ProcessName, Worker
from infra.stack_config import Rotation
from infra.targets.base import Plan
from infra.targets.local.resources import (
    Migration,
    MigrationArgs,
    Release,
    Renewal,
    RenewalArgs,
    Service,
    ServiceArgs,
    Verification,
    VerificationArgs,
)
from infra.targets.local.secrets import APP_KEY, Secrets

VISITED: tuple[ProcessName, ...] = ("app", "realtime")
"""The processes behind the gateway."""

_VERIFICATION_SECONDS = 20


class Processes:
    """Migration, Renewal where the app-key was rotated, one Service for each process of the model, and their
    Verification."""

    def __init__(
        self,
        plan: Plan,
        release: Release,
        database: wiring.Database,
        cache: wiring.Cache,
        secrets: Secrets,
        address: wiring.Address,
        opts: ResourceOptions,
    ) -> None:
        self._plan = plan
        self._release = release
        self._opts = opts
        keys = secrets.keys()
        own = wiring.release_variables(plan.environment.name, plan.release)
        self._database = {**own, **wiring.database_variables(_text(database))}
        shared = (wiring.cache_variables(_text(cache)), wiring.key_variables(keys), wiring.address_variables(address))
        self._environment = {**self._database, **{name: value for part in shared for name, value in part.items()}}
        self.migration = self._create_migration(database)
        self._before = [self.migration, *self._create_renewal(secrets)]
        self.services = {process.name: self._create_service(process) for process in plan.environment.processes}
        self.verification = self._create_verification(keys)

    def _create_migration(self, database: wiring.Database) -> Migration:
        runtime = self._plan.runtime
        args = MigrationArgs(
            directory=str(self._plan.directory),
            release=self._plan.release,
            path=self._release.path,
            command=self._command(runtime.migration),
            timeout=runtime.migration_timeout,
            environment=self._database,
            cluster=database.cluster,
        )
        return Migration("migration", args, self._opts)

    def _create_renewal(self, secrets: Secrets) -> list[Renewal]:
        rotation = self._plan.rotations.get(APP_KEY, Rotation())
        if rotation.version == 1:
            return []
        runtime = self._plan.runtime
        args = RenewalArgs(
            directory=str(self._plan.directory),
            release=self._plan.release,
            path=self._release.path,
            command=self._command(runtime.renewal),
            timeout=runtime.renewal_timeout,
            version=rotation.version,
            retire=rotation.retired,
            environment={
                **self._database,
                "APP_KEY": secrets.app_key.value,
                "APP_PREVIOUS_KEYS": secrets.app_key.previous,
            },
        )
        return [Renewal("renewal", args, ResourceOptions.merge(self._opts, _after(self.migration)))]

    def _create_service(self, process: Process) -> Service:
        runtime = self._plan.runtime.processes[process.name]
        args = ServiceArgs(
            directory=str(self._plan.directory),
            process=process.name,
            release=self._plan.release,
            path=self._release.path,
            command=self._command(runtime.command),
            replicas=_replicas(process),
            health_path=runtime.ready_path,
            ready_timeout=runtime.ready_timeout,
            stop_timeout=runtime.stop_timeout,
            environment={**self._environment, **runtime.variables, **_pool(process)},
        )
        # A replacement keeps the old one until everything that needs it has moved on: that is the roll-out.
        return Service(process.name, args, ResourceOptions.merge(self._opts, _after(*self._before)))

    def _create_verification(self, keys: wiring.Keys) -> Verification:
        args = VerificationArgs(
            directory=str(self._plan.directory),
            release=self._plan.release,
            generations={name: service.generation for name, service in self.services.items()},
            replicas={process.name: _replicas(process) for process in self._plan.environment.processes},
            timeout=_VERIFICATION_SECONDS,
            queue_token=keys.queue_token,
            realtime_key=keys.realtime_key,
        )
        return Verification("verification", args, self._opts)

    def _command(self, line: Sequence[str]) -> Output[Sequence[str]]:
        filled = [word.replace("{listen}", "unix:{socket}") for word in line]
        return self._release.python.apply(lambda python: [python if word == "python" else word for word in filled])


def _after(*resources: Resource) -> ResourceOptions:
    return ResourceOptions(depends_on=list(resources))


def _replicas(process: Process) -> int:
    """How many Supervisor runs: of the worker one, a pool that keeps as many worker processes as are wanted."""
    return 1 if isinstance(process, Worker) else process.scaling.min


def _pool(process: Process) -> dict[str, str]:
    """A worker's sizes, which a rollback does not bring back."""
    if not isinstance(process, Worker):
        return {}
    return wiring.pool_variables(process.scaling.min, process.scaling.max, process.scaling.backlog)


def _text(part: Any) -> Any:
    """The same facts with a port that is text, as environment variables are."""
    return type(part)(**{**vars(part), "port": part.port.apply(lambda number: str(int(number)))})

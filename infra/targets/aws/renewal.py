"""The gate before a rotated app-key's previous value is retired, as a one-off task."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi
from pulumi import Output, ResourceOptions

from infra.stack_config import Rotation
from infra.targets.aws import resources
from infra.targets.aws.migration import MigrationTaskArgs, create_release_task
from infra.targets.base import cloud_of

APP_KEY, _NAME = "app-key", "renewal"


class RenewalTask(pulumi.ComponentResource):
    """Encrypts anew what is encrypted under the previous app-key, in a task that alone has both. ``renewal``: no
    process starts before it."""

    renewal: resources.Renewal

    def __init__(
        self,
        name: str,
        args: MigrationTaskArgs,
        keys: Mapping[str, Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """``keys``: what the task reads both keys from."""
        super().__init__("pitchbar:aws:RenewalTask", name, None, opts)
        plan, rotation = args.plan, args.plan.rotations.get(APP_KEY, Rotation())
        container = args.runtime.container(_NAME, plan.runtime.renewal)
        container = replace(container, secrets={**container.secrets, **keys})
        opts = ResourceOptions(parent=self)
        task, ways = create_release_task(_NAME, args, container, plan.runtime.renewal_timeout, opts)
        self.renewal = resources.Renewal(
            _NAME,
            resources.RenewalArgs(
                **vars(task),
                release=plan.release,
                version=rotation.version,
                retire=rotation.retired,
                app_key=keys["APP_KEY"],
                families=f"{cloud_of(plan).product}-{plan.stack}-",
                has_command=bool(plan.runtime.renewal),
            ),
            ResourceOptions(parent=self, depends_on=[*ways, *args.after]),
        )
        self.register_outputs({})

"""The plugin's resources as the Pulumi program declares them: arguments in, outputs out. :mod:`infra.provider` does
the work.

Names of arguments and outputs are those of the plugin's typed classes; a test compares the two.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pulumi
from pulumi import Input, Output, ResourceOptions


class PluginResource(pulumi.CustomResource):
    """A resource of the plugin: ``token`` is its type, ``computed`` the outputs that are no inputs.

    A ``singleton`` has one place in its environment. Where it is replaced (``pulumi up --replace`` asks for that), the
    old one is deleted first: a new one would take over what is there, and lose it to the delete of the old one.
    """

    token: ClassVar[str]
    computed: ClassVar[tuple[str, ...]] = ()
    singleton: ClassVar[bool] = False

    def __init__(self, name: str, args: Any, opts: ResourceOptions | None = None) -> None:
        properties = {field.name: getattr(args, field.name) for field in fields(args)}
        if self.singleton:
            opts = ResourceOptions.merge(opts, ResourceOptions(delete_before_replace=True))
        super().__init__(self.token, name, {**properties, **dict.fromkeys(self.computed)}, opts)


@dataclass(frozen=True)
class SecretArgs:
    """``kind``: token, password or key (Laravel's APP_KEY). ``version``: raise it by one to rotate."""

    kind: Input[str]
    version: Input[int] = 1
    retire_previous: Input[bool] = False


class Secret(PluginResource):
    """A generated secret; after a rotation ``previous`` is still accepted until it is retired."""

    token = "pitchbar:index:Secret"
    computed = ("value", "previous")

    value: Output[str]
    previous: Output[str]

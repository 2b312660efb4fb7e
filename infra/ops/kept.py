"""The releases that a stack's release store keeps, wherever that is."""

from collections.abc import Sequence

from infra import paths
from infra.cloud_names import aws_region, release_prefix, state_bucket
from infra.load import load
from infra.ops import stacks
from infra.ops.stacks import Stack
from infra.packages import need_aws
from infra.release import manifest
from infra.release.manifest import Manifest
from infra.stack_config import parse_stack_config


def kept(stack: Stack) -> Sequence[Manifest]:
    """Their manifests, the newest first. Raises :class:`infra.errors.UserError` when the store can't be read."""
    settings = stacks.settings(stack)
    if settings.get("target", "local") != "aws":
        return manifest.read_all(paths.release_store(stack.name))
    need_aws()
    from infra.provider.aws.store import manifests

    config = parse_stack_config({f"pitchbar:{key}": value for key, value in settings.values.items()}, stack.name)
    model = load()
    region = aws_region(config.region or model.region)
    return manifests(region, state_bucket(model.name, config.account or "", region), release_prefix(stack.name))

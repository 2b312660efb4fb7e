"""The targets by name."""

from infra.errors import UserError
from infra.packages import need_aws
from infra.targets.base import Target


def target(name: str) -> Target:
    """The target of a stack; only its own packages are imported.

    Raises :class:`UserError` for a target that isn't built yet.
    """
    if name == "local":
        from infra.targets.local import TARGET

        return TARGET
    if name == "aws":
        need_aws()
        from infra.targets.aws import TARGET as AWS

        return AWS
    raise UserError(
        f"The target {name} isn't built yet; this version of Pitchbar lands on local and aws. "
        "Run `pulumi config set pitchbar:target local`."
    )

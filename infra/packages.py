"""Python packages that only one target needs: they are set up when they are asked for, and asked for before use."""

import importlib.util

from infra.errors import UserError

AWS = ("boto3", "pulumi_aws", "pulumi_cloudflare", "pulumi_docker")


def need_aws() -> None:
    """Raise :class:`UserError` with the command to type where the target aws' packages aren't installed."""
    missing = [name.replace("_", "-") for name in AWS if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"The target aws needs Python packages that are not set up here ({', '.join(missing)}). "
            "To get them, type: make setup TARGET=aws"
        )

"""Clients of AWS' services, made when first needed: boto3 takes a while to import."""

import functools
from typing import Any

from infra.errors import UserError
from infra.provider import cancellation


@functools.cache
def client(service: str, region: str) -> Any:
    """A client with boto3's standard retries; its credentials are found as the AWS CLI finds them."""
    import boto3
    from botocore.config import Config

    settings = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=30)
    return boto3.session.Session().client(service, region_name=region, config=settings)


def call(what: str, operation: Any, **arguments: Any) -> Any:
    """Call one operation. Raises :class:`UserError` with AWS' own reason and what to do."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    cancellation.check()
    try:
        return operation(**arguments)
    except NoCredentialsError:
        raise UserError(f"{what}: there are no AWS credentials. Type: `aws sso login`, or set AWS_PROFILE.") from None
    except ClientError as error:
        reason = error.response.get("Error", {})
        code, message = reason.get("Code", "?"), str(reason.get("Message", error)).rstrip(".")
        hint = " Give the role of this stack that permission (`pitchbar bootstrap`)." if "Denied" in code else ""
        raise UserError(f"{what}: AWS refused {error.operation_name} with {code}: {message}.{hint}") from None
    except BotoCoreError as error:
        raise UserError(f"{what}: AWS could not be asked: {str(error).rstrip('.')}. Run `pulumi up` again.") from None

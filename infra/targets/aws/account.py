"""The AWS account that a stack is made in: asked for before anything is made, so that wrong credentials fail early."""

import pulumi
import pulumi_aws as aws

from infra.errors import UserError
from infra.targets.aws.invokes import reason
from infra.targets.base import Cloud

_CREDENTIALS = "sign in to it (`aws sso login`, or another AWS_PROFILE)"


def check_account(cloud: Cloud, opts: pulumi.InvokeOptions | None = None) -> None:
    """Compare the account of the credentials with the stack's.

    Raises :class:`UserError` when AWS doesn't know the credentials or they are of another account.
    """
    try:
        found = aws.get_caller_identity(opts=opts).account_id
    except Exception as error:
        raise UserError(
            f"pitchbar:account: AWS doesn't let these credentials into the account {cloud.account}: {reason(error)}. "
            f"Either {_CREDENTIALS}, or set the account that they are of (`pulumi config set pitchbar:account ID`)."
        ) from error
    if found != cloud.account:
        raise UserError(
            f"pitchbar:account: found {cloud.account}, but the credentials are of the account {found}. Either "
            f"{_CREDENTIALS}, or type `pulumi config set pitchbar:account {found}`."
        )

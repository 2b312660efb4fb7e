"""Runs the bootstrap, step by step, and says what each did."""

from collections.abc import Callable, Iterator
from typing import Any

from infra.cloud_names import deploy_role, state_bucket
from infra.errors import UserError
from infra.ops.bootstrap import access, bucket, keys
from infra.ops.bootstrap.wish import Change, Report, Wish


def bootstrap(wish: Wish, tell: Callable[[Change], None]) -> Report:
    """Make what is missing in the account, mend what differs, and report; a dry run only looks.

    Raises :class:`UserError` with AWS' own reason, and for credentials of another account.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session(region_name=wish.region)
    changes = []
    try:
        _must_be(session, wish.account)
        for change in _steps(session, wish):
            changes.append(change)
            tell(change)
    except ClientError as error:
        reason = error.response["Error"]
        raise UserError(
            f"AWS refused {error.operation_name}: {str(reason.get('Message', reason['Code'])).rstrip('.')}. "
            "Use an administrator's credentials, and run `pitchbar bootstrap` again: it goes on where it stopped."
        ) from None
    except BotoCoreError as error:
        raise UserError(f"AWS could not be asked: {str(error).rstrip('.')}. Type: `aws sso login`.") from None
    roles = {name: f"arn:aws:iam::{wish.account}:role/{wish.product}/{deploy_role(wish.product, name)}"
             for name in wish.environments} if wish.repository else {}  # fmt: skip
    return Report(wish, tuple(changes), roles, f"s3://{state_bucket(wish.product, wish.account, wish.region)}")


def _steps(session: Any, wish: Wish) -> Iterator[Change]:
    s3, kms, iam = (session.client(name) for name in ("s3", "kms", "iam"))
    yield bucket.ensure_bucket(s3, wish)
    for environment in wish.environments:
        yield keys.ensure_key(kms, wish, environment)
    yield access.ensure_boundary(iam, wish)
    if wish.repository:
        yield access.ensure_provider(iam, wish)
        for environment in wish.environments:
            yield from access.ensure_role(iam, wish, environment)


def _must_be(session: Any, account: str) -> None:
    found = session.client("sts").get_caller_identity()
    if found["Account"] != account:
        raise UserError(
            f"These credentials are of account {found['Account']}, and the bootstrap is for {account}. "
            "Type: `export AWS_PROFILE=…` with the profile of that account."
        )

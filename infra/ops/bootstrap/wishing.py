"""From a command's options to a wish."""

from infra.cloud_names import aws_region
from infra.errors import UserError
from infra.load import load
from infra.ops.bootstrap.wish import Wish
from infra.stack_config import ACCOUNT


def wished(
    account: str, region: str | None, repository: str, subject_prefix: str, environments: tuple[str, ...], dry_run: bool
) -> Wish:
    """What is asked for. Raises :class:`UserError` for an account that can't be one, and as :class:`Wish` does."""
    if not ACCOUNT.fullmatch(account):
        raise UserError(f'--account: found "{account}". An AWS account has 12 digits, such as 123456789012.')
    model = load()
    return Wish(
        product=model.name,
        account=account,
        region=aws_region(region or model.region),
        environments=tuple(dict.fromkeys(environments)),
        repository=repository,
        subject_prefix=subject_prefix,
        dry_run=dry_run,
    )

"""What people see of a bootstrap."""

from collections.abc import Iterator

from infra.cloud_names import secrets_key_alias
from infra.ops.bootstrap.wish import Change, Report

_WOULD = {"created": "would create", "changed": "would change", "unchanged": "is right"}


def shown(change: Change, *, dry_run: bool) -> str:
    """One line for one thing."""
    action = _WOULD[change.action] if dry_run else change.action
    parts = f": {', '.join(change.parts)}" if change.action == "changed" else ""
    return f"  {action:<13} {change.what} {change.name}{parts}"


def next_steps(report: Report) -> Iterator[str]:
    """What to type now."""
    wish = report.wish
    if wish.dry_run:
        yield "Nothing was changed. To do it, type the same without --dry-run."
        return
    yield f"Account {wish.account} is {'prepared' if report.changed else 'prepared, as it was before'}."
    yield "In the shell that runs Pulumi, and in CI:"
    yield f"  export PULUMI_BACKEND_URL={report.backend}?region={wish.region}"
    yield "To make a stack, for example:"
    environment = "staging" if "staging" in wish.environments else wish.environments[0]
    key = secrets_key_alias(wish.product, environment)
    yield f'  pulumi stack init {environment} --secrets-provider="awskms://{key}?region={wish.region}"'
    yield f"  pulumi config set pitchbar:account {wish.account} -s {environment}"
    for environment, role in report.roles.items():
        yield f"Jobs of GitHub's environment {environment} take the role {role}"

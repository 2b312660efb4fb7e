"""The command `pitchbar bootstrap`: a thin caller of `infra.ops.bootstrap`."""

from collections.abc import Callable
from typing import Any

import click

from infra.ops.console import Console, document
from infra.packages import need_aws

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_CHOICES = ("preview", "staging", "production")


def register(main: click.Group, json: Decorator) -> None:
    """Add the command to the group."""
    command = main.command("bootstrap", short_help="Prepare an AWS account: bucket, keys, who may deploy.")
    command(_options(json(_bootstrap)))


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--account", required=True, metavar="ID", help="The AWS account, 12 digits."),
            click.option("--region", metavar="NAME", help="Region (default: that of infra/cloud.yaml)."),
            click.option("--github", default="", metavar="OWNER/NAME", help="Repository whose workflows may deploy."),
            click.option("--subject-prefix", default="", help="How its tokens' sub begins, if not repo:OWNER/NAME."),
            click.option("--environment", "environments", type=click.Choice(_CHOICES), multiple=True,
                         help="Only these environments (default: all three)."),
            click.option("--dry-run", is_flag=True, help="Only say what would be done."),
            click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def _bootstrap(
    account: str,
    region: str | None,
    github: str,
    subject_prefix: str,
    environments: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    """Prepare an AWS account, with an administrator's credentials; once, and again after an update of Pitchbar.

    \b
    pitchbar bootstrap --account 123456789012 --github pitchbar/platform --dry-run
    pitchbar bootstrap --account 123456789012 --github pitchbar/platform
    """
    from infra.ops.bootstrap.show import next_steps, shown
    from infra.ops.bootstrap.wishing import wished

    wish = wished(account, region, github, subject_prefix, environments or _CHOICES, dry_run)
    console = Console(json)
    if not (dry_run or yes):
        click.confirm(f"Prepare account {wish.account} in {wish.region}?", abort=True, err=True)
    need_aws()
    from infra.ops.bootstrap.run import bootstrap

    report = bootstrap(wish, lambda change: console.say(shown(change, dry_run=dry_run)))
    if json:
        document(report.document())
    for line in next_steps(report):
        console.say(line)

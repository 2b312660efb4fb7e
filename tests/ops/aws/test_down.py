"""`pitchbar down` of a stack on AWS: what is protected is refused before anything is asked or touched."""

import pytest

from tests.ops.aws.conftest import CONFIGURATION, Account


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_production_is_refused_with_what_would_lift_it(account: Account, options: list[str]) -> None:
    (account.root / "Pulumi.production.yaml").write_text(CONFIGURATION.replace("staging", "production"))
    shown = account.run("down", *options, stack="production")
    assert shown.exit_code == 1
    assert shown.stderr.startswith(
        "error: Stack production is protected: its database, files, keys and backups can't be deleted, neither here "
        "nor on AWS. If they must be: set `protect: false` for production in infra/cloud.yaml, lift the protection "
        "with "
    )
    assert account.client("rds").describe_db_instances()["DBInstances"] != []


def test_staging_is_not_protected(account: Account) -> None:
    assert "there is no terminal to ask on" in account.run("down").stderr

"""What `make live-aws` decides without an account: whether it may begin, and what of a stack is left; on moto."""

import os
import subprocess
import sys
from typing import Any

import boto3
import pytest

from infra.errors import UserError
from infra.paths import project_root
from infra.provider.aws import session
from tests.live_aws import clearing, left
from tests.live_aws.ready import ready
from tests.ops.aws.conftest import ACCOUNT, CONFIGURATION, DATABASE, REGION, Account, pairs

ROOT = project_root()
READY = {"PITCHBAR_LIVE_AWS": "1", "PULUMI_BACKEND_URL": "s3://pitchbar-state", "CLOUDFLARE_API_TOKEN": "hush"}


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(UserError) as refused:
        ready(environ)
    return str(refused.value)


def test_it_is_not_collected_by_make_test() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "PITCHBAR_LIVE_AWS"}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/live_aws"]
    found = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert found.returncode == 5, found.stdout
    assert "no tests" in found.stdout


def test_the_command_refuses_in_one_sentence() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "PITCHBAR_LIVE_AWS"}
    command = [sys.executable, "-m", "tests.live_aws"]
    found = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "error: make live-aws brings a whole staging up in a real AWS account and Cloudflare zone, which takes about "
        "an hour and costs a few dollars. If that is wanted, type: PITCHBAR_LIVE_AWS=1 make live-aws\n"
    )


@pytest.mark.parametrize(
    ("change", "environ", "sentence"),
    [
        (None, READY, "There is no Pulumi.live.yaml, which says in which account and zone."),
        (("staging\n", "production\n"), READY, "Pulumi.live.yaml describes production on aws; this is for staging"),
        (("zone: ", "zones: "), READY, "The configuration of stack live has 2 problems:"),
        (("", ""), {**READY, "PULUMI_BACKEND_URL": ""}, "PULUMI_BACKEND_URL is not set"),
        (("", ""), {**READY, "CLOUDFLARE_API_TOKEN": ""}, "There is no token of Cloudflare's."),
        ((ACCOUNT, "9" * 12), READY, f"These credentials are of account {ACCOUNT}, and stack live is in 999999999999."),
    ],
)
def test_what_lacks_is_told_before_anything_is_made(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str] | None,
    environ: dict[str, str],
    sentence: str,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    if change is not None:
        (account.root / "Pulumi.live.yaml").write_text(CONFIGURATION.replace(*change))
    assert refusal(environ).startswith(sentence)


def test_with_all_of_it_it_begins(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    (account.root / "Pulumi.live.yaml").write_text(CONFIGURATION)
    assert ready(READY).account == ACCOUNT


def client(name: str) -> Any:
    return session.client(name, REGION)


def key(description: str) -> str:
    made = client("kms").create_key(Description=description, Tags=pairs("TagKey", "TagValue"))["KeyMetadata"]
    return str(made["Arn"])


def test_what_is_up_is_all_found(account: Account) -> None:
    found = left.left(account.place())
    assert [arn for arn in found.found if ":ecs:" in arn and ":service/" in arn] == sorted(
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/pitchbar-staging-cluster-0a1b2c/{name}"
        for name in account.services.values()
    )
    assert f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{DATABASE}" in found.found
    assert not [arn for arn in found.found if "production" in arn]


def test_late_and_kept_things_are_explained_only_when_they_are_that(account: Account) -> None:
    deleted, kept, forgotten = key("Logs of staging"), key("Databases, files and more of staging"), key("Logs")
    client("kms").schedule_key_deletion(KeyId=deleted.rpartition("/")[2], PendingWindowInDays=7)
    secrets = [
        client("secretsmanager").create_secret(Name=name, SecretString="x", Tags=pairs())["ARN"] for name in "ab"
    ]
    client("secretsmanager").delete_secret(SecretId=secrets[0])
    rds = client("rds")
    rds.create_db_snapshot(DBSnapshotIdentifier="s-final-1", DBInstanceIdentifier=DATABASE, Tags=pairs())
    rds.create_db_snapshot(DBSnapshotIdentifier="by-hand", DBInstanceIdentifier=DATABASE, Tags=pairs())

    found = left.left(account.place())

    snapshot = f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:"
    assert {deleted, kept, secrets[0], f"{snapshot}s-final-1"} <= set(found.explained)
    assert {forgotten, secrets[1], f"{snapshot}by-hand"} <= set(found.found)
    assert "kept with it" in found.explained[kept]
    assert "taken back" in found.explained[deleted]

    clearing.remove_kept(account.place())
    assert client("kms").describe_key(KeyId=kept)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert client("kms").describe_key(KeyId=forgotten)["KeyMetadata"]["KeyState"] == "Enabled"
    assert [
        item["DBSnapshotIdentifier"] for item in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    ] == ["by-hand"]


def test_the_second_region_is_looked_at_too(account: Account) -> None:
    elsewhere = boto3.client("kms", region_name="us-west-2")
    arn = elsewhere.create_key(Description="Copies", Tags=pairs("TagKey", "TagValue"))["KeyMetadata"]["Arn"]
    assert arn in left.left(account.place()).found

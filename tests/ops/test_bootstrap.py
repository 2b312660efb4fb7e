"""The bootstrap of an AWS account, on moto: what it makes, that a second run changes nothing, what it mends, and what
the role that it makes may and may not do (moto judges by the role's own policies)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import moto.settings
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto import mock_aws
from moto.core.authorization import ActionAuthenticatorMixin

from infra.cli import main
from infra.errors import UserError
from infra.ops.bootstrap.run import bootstrap
from infra.ops.bootstrap.show import next_steps, shown
from infra.ops.bootstrap.wish import Change, Report, Wish

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = f"pitchbar-state-{ACCOUNT}-{REGION}"
WISH = Wish(
    product="pitchbar",
    account=ACCOUNT,
    region=REGION,
    environments=("preview", "staging", "production"),
    repository="pitchbar/platform",
)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/pitchbar/pitchbar-boundary"
ANYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


def run(wish: Wish = WISH) -> Report:
    return bootstrap(wish, lambda change: None)


def done(report: Report) -> list[tuple[str, str]]:
    return [(change.action, f"{change.what} {change.name}") for change in report.changes]


def test_a_first_run_makes_everything_and_a_second_changes_nothing(account: None) -> None:
    first = run()
    assert {change.action for change in first.changes} == {"created"}
    kinds = [change.what for change in first.changes]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "bucket": 1, "key": 3, "policy": 1 + 3 * 6, "identity provider": 1, "role": 3,
    }  # fmt: skip
    second = run()
    assert [change for change in second.changes if change.action != "unchanged"] == []
    assert not second.changed


def test_a_dry_run_says_the_same_and_makes_nothing(account: None) -> None:
    planned = run(replace(WISH, dry_run=True))
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert boto3.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert done(planned) == done(run())


def test_the_bucket_is_versioned_encrypted_private_and_for_tls_only(account: None) -> None:
    run()
    s3 = boto3.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    [rule] = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    [statement] = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    [lifecycle] = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert lifecycle["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}


def test_what_somebody_changed_is_mended_and_named(account: None) -> None:
    run()
    s3, iam = boto3.client("s3"), boto3.client("iam")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket=BUCKET)
    iam.update_assume_role_policy(RoleName="pitchbar-deploy-staging", PolicyDocument=ANYBODY)
    iam.attach_role_policy(RoleName="pitchbar-deploy-production", PolicyArn=BOUNDARY)

    changes = [change for change in run().changes if change.action != "unchanged"]

    assert changes == [
        Change("bucket", BUCKET, "changed", ("versioning", "policy")),
        Change("role", "pitchbar-deploy-staging", "changed", ("trust",)),
        Change("role", "pitchbar-deploy-production", "changed", ("policies",)),
    ]
    assert not run().changed


def test_an_interrupted_run_goes_on_where_it_stopped(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.ops.bootstrap import access

    monkeypatch.setattr(access, "ensure_boundary", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    actions = [change.action for change in run().changes]
    assert actions[:4] == ["unchanged"] * 4
    assert set(actions[4:]) == {"created"}


def interrupted(*_: Any) -> Change:
    raise KeyboardInterrupt


def test_each_environments_role_is_for_jobs_of_that_environment_only(account: None) -> None:
    run(replace(WISH, subject_prefix="repo:pitchbar@12/platform@34"))
    issuer = "token.actions.githubusercontent.com"
    for environment in WISH.environments:
        role = boto3.client("iam").get_role(RoleName=f"pitchbar-deploy-{environment}")["Role"]
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"] == {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": f"repo:pitchbar@12/platform@34:environment:{environment}",
            }
        }


def test_no_policy_is_longer_than_iam_takes(account: None) -> None:
    """6,144 characters without white space; ten policies to a role."""
    run()
    iam = boto3.client("iam")
    for found in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])
        document = version["PolicyVersion"]["Document"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 6144, found["PolicyName"]
    attached = iam.list_attached_role_policies(RoleName="pitchbar-deploy-production")["AttachedPolicies"]
    assert len(attached) <= 10


def test_without_a_repository_nobody_else_may_deploy(account: None) -> None:
    report = run(replace(WISH, repository=""))
    assert {change.what for change in report.changes} == {"bucket", "key", "policy"}
    assert report.roles == {}


def test_credentials_of_another_account_are_refused_before_anything_is_made(account: None) -> None:
    with pytest.raises(UserError) as refused:
        run(replace(WISH, account="999999999999"))
    assert str(refused.value) == (
        f"These credentials are of account {ACCOUNT}, and the bootstrap is for 999999999999. "
        "Type: `export AWS_PROFILE=…` with the profile of that account."
    )
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def test_a_wrong_wish_is_refused_all_at_once() -> None:
    with pytest.raises(UserError) as refused:
        replace(WISH, repository="pitchbar", subject_prefix="repo:*")
    assert str(refused.value).splitlines() == [
        "The bootstrap can't begin:",
        '  --github: found "pitchbar". It is owner/name, such as pitchbar/pitchbar.',
        '  --subject-prefix: found "repo:*". It is the beginning of the tokens\' sub, without wildcards, such as '
        "repo:pitchbar@1234/platform@5678.",
    ]


def test_people_see_what_was_done_and_what_to_type(account: None) -> None:
    report = run(replace(WISH, environments=("staging",)))
    lines = [shown(change, dry_run=False) for change in report.changes]
    assert lines[0] == f"  created       bucket {BUCKET}"
    assert list(next_steps(report)) == [
        f"Account {ACCOUNT} is prepared.",
        "In the shell that runs Pulumi, and in CI:",
        f"  export PULUMI_BACKEND_URL=s3://{BUCKET}?region={REGION}",
        "To make a stack, for example:",
        f'  pulumi stack init staging --secrets-provider="awskms://alias/pitchbar-pulumi-staging?region={REGION}"',
        f"  pulumi config set pitchbar:account {ACCOUNT} -s staging",
        "Jobs of GitHub's environment staging take the role "
        f"arn:aws:iam::{ACCOUNT}:role/pitchbar/pitchbar-deploy-staging",
    ]


def test_the_command(account: None) -> None:
    arguments = ["bootstrap", "--account", ACCOUNT, "--environment", "staging", "--dry-run"]
    found = CliRunner().invoke(main, [*arguments, "--json"])
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert (document["account"], document["dry_run"], len(document["changes"])) == (ACCOUNT, True, 3)
    people = CliRunner().invoke(main, arguments)
    assert people.output.splitlines() == [
        f"  would create  bucket {BUCKET}",
        "  would create  key alias/pitchbar-pulumi-staging",
        "  would create  policy pitchbar-boundary",
        "Nothing was changed. To do it, type the same without --dry-run.",
    ]


def test_the_command_asks_and_takes_no_for_an_answer(account: None) -> None:
    refused = CliRunner().invoke(main, ["bootstrap", "--account", ACCOUNT], input="n\n")
    assert refused.exit_code == 1
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def test_the_deploying_role_works_on_its_own_environment_only(account: None, enforced: Any) -> None:
    staging = enforced("staging")
    staging("s3").put_object(Bucket=BUCKET, Key=".pulumi/stacks/pitchbar/staging.json", Body=b"{}")
    staging("s3").put_object(Bucket=BUCKET, Key="releases/staging/r1/manifest.json", Body=b"{}")
    for key in (".pulumi/stacks/pitchbar/production.json", "releases/production/r1/manifest.json"):
        refused(staging("s3").put_object, Bucket=BUCKET, Key=key, Body=b"{}")
        refused(staging("s3").get_object, Bucket=BUCKET, Key=key)


def test_the_deploying_role_makes_roles_within_the_boundary_only(account: None, enforced: Any) -> None:
    staging = enforced("staging")
    for path in ("/", "/pitchbar/", "/pitchbar/production/"):
        refused(
            staging("iam").create_role, RoleName="x", Path=path, AssumeRolePolicyDocument=ANYBODY,
            PermissionsBoundary=BOUNDARY,
        )  # fmt: skip
    own = "pitchbar-deploy-staging"
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    refused(staging("iam").attach_role_policy, RoleName=own, PolicyArn=administrator)
    refused(staging("iam").put_role_policy, RoleName=own, PolicyName="more", PolicyDocument=ANYBODY)
    refused(staging("iam").update_assume_role_policy, RoleName=own, PolicyDocument=ANYBODY)


def refused(operation: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError) as error:
        operation(**arguments)
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


@pytest.fixture
def enforced(account: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """After a bootstrap, clients of a deploying role, whose calls moto judges by the role's policies."""
    run()
    boto3.client("s3").delete_bucket_policy(Bucket=BUCKET)  # Moto would deny everything: it overlooks conditions.
    names = ("preview", "staging", "production")
    taken = {
        name: boto3.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/pitchbar/pitchbar-deploy-{name}", RoleSessionName="test"
        )["Credentials"]
        for name in names
    }

    def as_role(environment: str) -> Any:
        credentials = taken[environment]
        session = boto3.session.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], REGION
        )
        return session.client

    monkeypatch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    return as_role

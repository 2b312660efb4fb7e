"""Who may deploy: GitHub's identity provider, the boundary of what stacks' roles may do, and one role for each
environment."""

import json
from collections.abc import Mapping
from typing import Any

from infra.cloud_names import boundary_arn, deploy_role
from infra.ops.bootstrap.wish import Action, Change, Wish
from infra.policy.deploying import boundary, policies, trust

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
_VERSIONS = 5
"""So many versions IAM keeps of a managed policy at most."""


def ensure_provider(iam: Any, wish: Wish) -> Change:
    """GitHub's OIDC provider, with AWS as the audience."""
    arn = f"arn:aws:iam::{wish.account}:oidc-provider/{ISSUER}"
    there = any(entry["Arn"] == arn for entry in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])
    if not there:
        if not wish.dry_run:
            iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE])
        return Change("identity provider", ISSUER, "created", ("audience",))
    if AUDIENCE in iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"]:
        return Change("identity provider", ISSUER, "unchanged")
    if not wish.dry_run:
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=AUDIENCE)
    return Change("identity provider", ISSUER, "changed", ("audience",))


def ensure_boundary(iam: Any, wish: Wish) -> Change:
    """The policy beyond which no role of a stack can do anything."""
    return _ensure_policy(iam, wish, boundary_arn(wish.product, wish.account), boundary(wish.account, wish.region))


def ensure_role(iam: Any, wish: Wish, environment: str) -> list[Change]:
    """The role that deploys one environment, with its policies."""
    path = f"/{wish.product}/"
    name = deploy_role(wish.product, environment)
    wanted = policies(wish.product, wish.account, wish.region, environment)
    arns = {f"arn:aws:iam::{wish.account}:policy{path}{name}-{part}": text for part, text in wanted.items()}
    changes = [_ensure_policy(iam, wish, arn, document) for arn, document in arns.items()]
    trusted = trust(wish.account, wish.subject, environment)
    parts = []
    found = _role(iam, name)
    if found is None:
        if not wish.dry_run:
            iam.create_role(
                RoleName=name,
                Path=path,
                AssumeRolePolicyDocument=json.dumps(trusted),
                Description=f"Deploys {wish.product}'s {environment} from GitHub",
                Tags=[{"Key": "Project", "Value": wish.product}, {"Key": "Environment", "Value": environment}],
            )
            iam.get_waiter("role_exists").wait(RoleName=name)
        parts.append("trust")
    elif found["AssumeRolePolicyDocument"] != trusted:
        parts.append("trust")
        if not wish.dry_run:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))
    parts += _attach(iam, wish, name, arns, there=found is not None)
    action: Action = "created" if found is None else "changed" if parts else "unchanged"
    return [*changes, Change("role", name, action, tuple(parts))]


def _attach(iam: Any, wish: Wish, role: str, wanted: Mapping[str, Any], *, there: bool) -> list[str]:
    attached: set[str] = set()
    if there:
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        attached = {entry["PolicyArn"] for page in pages for entry in page["AttachedPolicies"]}
    if not wish.dry_run:
        for arn in sorted(set(wanted) - attached):
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in sorted(attached - set(wanted)):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    return [] if attached == set(wanted) else ["policies"]


def _ensure_policy(iam: Any, wish: Wish, arn: str, document: Mapping[str, Any]) -> Change:
    prefix, _, name = arn.partition(":policy")[2].rpartition("/")
    found = _policy(iam, arn)
    if found is None:
        if not wish.dry_run:
            iam.create_policy(PolicyName=name, Path=f"{prefix}/", PolicyDocument=_text(document))
        return Change("policy", name, "created", ("document",))
    if _default_version(iam, arn, found) == document:
        return Change("policy", name, "unchanged")
    if not wish.dry_run:
        _make_room(iam, arn)
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=_text(document), SetAsDefault=True)
    return Change("policy", name, "changed", ("document",))


def _make_room(iam: Any, arn: str) -> None:
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    old = sorted((entry for entry in versions if not entry["IsDefaultVersion"]), key=lambda entry: entry["CreateDate"])
    if len(versions) >= _VERSIONS:
        iam.delete_policy_version(PolicyArn=arn, VersionId=old[0]["VersionId"])


def _default_version(iam: Any, arn: str, found: Mapping[str, Any]) -> Any:
    return iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]["Document"]


def _policy(iam: Any, arn: str) -> Any:
    from botocore.exceptions import ClientError

    try:
        return iam.get_policy(PolicyArn=arn)["Policy"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise


def _role(iam: Any, name: str) -> Any:
    from botocore.exceptions import ClientError

    try:
        return iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))

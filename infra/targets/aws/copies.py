"""Images from elsewhere, copied into a registry of the stack's own by Docker: tasks have no way to any other, and what
they run must still be there when its origin is not."""

from dataclasses import dataclass

import pulumi_aws as aws
import pulumi_docker as docker
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions

from infra.targets.base import Plan, cloud_of

PLATFORM = "linux/amd64"
"""What Fargate runs it on."""


@dataclass(frozen=True)
class SignIn:
    """How Docker signs in to ECR. The token is another one in each run."""

    username: Output[str]
    password: Output[str]


def sign_in(plan: Plan, parent: Resource) -> SignIn:
    """A token for the registry of the plan's account, good for twelve hours."""
    token = aws.ecr.get_authorization_token_output(
        registry_id=cloud_of(plan).account, opts=InvokeOptions(parent=parent)
    )
    return SignIn(token.user_name, Output.secret(token.password))


def copy(name: str, source: str, target: Input[str], access: SignIn, parent: Resource) -> Output[str]:
    """Pull the image ``source`` and push it to the repository ``target``; gives it by its digest. What a tag of
    ``source`` means is looked at once, when the copy is made. The copy has the tag or digest of ``source`` for its tag:
    tags never move, so a later version needs another one."""
    pulled = docker.RemoteImage(
        name, name=source, platform=PLATFORM, keep_locally=True, opts=ResourceOptions(parent=parent)
    )
    tagged = docker.Tag(
        name,
        source_image=pulled.image_id,
        target_image=Output.concat(target, ":", source.rpartition(":")[2]),
        opts=ResourceOptions(parent=parent),
    )
    pushed = docker.RegistryImage(
        name,
        name=tagged.target_image,
        keep_remotely=True,
        auth_config={"address": target, "username": access.username, "password": access.password},
        opts=ResourceOptions(parent=parent, ignore_changes=["authConfig"]),
    )
    return Output.concat(target, "@", pushed.sha256_digest)

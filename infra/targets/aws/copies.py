"""Images from elsewhere, copied into a registry of the stack's own by Docker: tasks have no way to any other, and what
they run must still be there when its origin is not."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi_aws as aws
import pulumi_docker as docker
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions

from infra.targets.base import Plan, cloud_of

PLATFORM = "linux/amd64"
"""What Fargate runs it on."""

_TEXT = 64
"""A tag has 128 letters at most; the rest is for the stack and the time."""


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


def own_tag(plan: Plan, text: str) -> str:
    """A tag that begins with ``text`` and was never pushed before: the registry takes no tag twice, not even for the
    same image, and stacks of pull requests share it. Who uses it must ignore that it is another one in each run."""
    return f"{text[:_TEXT]}-{plan.stack}-{datetime.now(UTC):%Y%m%dT%H%M%S}"


def copy(name: str, source: str, target: Input[str], plan: Plan, parent: Resource) -> Output[str]:
    """Pull the image ``source`` and push it to the repository ``target``; gives it by its digest. What a tag of
    ``source`` means is looked at once, when the copy is made. ``name``: another one for each ``source``."""
    access = sign_in(plan, parent)
    pulled = docker.RemoteImage(
        name, name=source, platform=PLATFORM, keep_locally=True, opts=ResourceOptions(parent=parent)
    )
    tagged = docker.Tag(
        name,
        source_image=pulled.image_id,
        target_image=Output.concat(target, ":", own_tag(plan, source.rpartition(":")[2])),
        opts=ResourceOptions(parent=parent, ignore_changes=["targetImage"]),
    )
    pushed = docker.RegistryImage(
        name,
        name=tagged.target_image,
        keep_remotely=True,
        auth_config={"address": target, "username": access.username, "password": access.password},
        opts=ResourceOptions(parent=parent, ignore_changes=["authConfig", "name"]),
    )
    return Output.concat(target, "@", pushed.sha256_digest)

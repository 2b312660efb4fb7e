"""The image that every task of an environment runs, always known by its digest."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from infra.errors import UserError
from infra.targets.aws import foundation
from infra.targets.base import Plan, cloud_of

PLATFORM = "linux/amd64"
_LONGEST_TAG = 128


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    """``registry``: where the image is pushed to, and had from."""

    plan: Plan
    registry: foundation.Registry


class Image(pulumi.ComponentResource):
    """One image for every command of a release.

    It is built from ``app/``, or it is a kept release's, or the one that ``pitchbar:image`` names, copied into the
    registry: tasks have no way to any other. ``reference``: repository and digest.
    """

    reference: Output[str]

    def __init__(self, name: str, args: ImageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Image", name, None, opts)
        self._plan = args.plan
        self._registry = args.registry
        self._opts = ResourceOptions(parent=self)
        given = cloud_of(args.plan).image
        if args.plan.source and not given:
            built = self._create_build()
            kept = args.plan.kept.image if args.plan.kept else ""
            self.reference = Output.from_input(kept or built)
        elif args.plan.kept and args.plan.kept.image:
            self.reference = Output.from_input(args.plan.kept.image)
        elif given:
            self.reference = self._create_copy(given)
        else:
            raise UserError(
                f"The release {args.plan.release} has no image to run on AWS: it was made on another target. "
                "Run `pulumi config rm pitchbar:release` to deploy the working tree."
            )
        self.register_outputs({"reference": self.reference})

    def _create_build(self) -> Output[str]:
        """Build ``app/`` and push it.

        Tags never move, and the same release may be built twice (by two pull requests, or again after another one),
        so a tag has the time in it. Logical name and ``ignore_changes`` make that the time of the release's build. A
        resource that goes leaves its image: rollbacks need it.
        """
        source = Path(self._plan.source)
        name = Output.concat(self._registry.repository_url, ":", _tag(self._plan))
        image = docker.Image(
            f"build-{self._plan.release}",
            image_name=name,
            build={
                "context": str(source),
                "dockerfile": str(source / "Dockerfile"),
                "platform": PLATFORM,
                "args": {"RELEASE": self._plan.release},
            },
            registry=self._access(),
            opts=ResourceOptions(parent=self, ignore_changes=["imageName", "registry"]),
        )
        return image.repo_digest

    def _create_copy(self, given: str) -> Output[str]:
        """Copy an image from elsewhere, unless it is in ECR already: tasks have no other way out. What the tag means
        is asked once in each run, so that the digest is known before anything is made."""
        repository, digest = split(given)
        if not digest:
            digest = docker.get_registry_image(name=given, opts=InvokeOptions(parent=self)).sha256_digest
        if ".dkr.ecr." in repository:
            return Output.from_input(f"{repository}@{digest}")
        name = f"given-{digest.removeprefix('sha256:')[:12]}"
        source = docker.RemoteImage(
            name, name=f"{repository}@{digest}", platform=PLATFORM, keep_locally=True, opts=self._opts
        )
        target = Output.concat(self._registry.repository_url, ":", name)
        copy = docker.Tag(name, source_image=source.image_id, target_image=target, opts=self._opts)
        access = self._access()
        pushed = docker.RegistryImage(
            name,
            name=copy.target_image,
            keep_remotely=True,
            auth_config={
                "address": access["server"],
                "username": access["username"],
                "password": access["password"],
            },
            # The token is another one each time, and no reason to push again.
            opts=ResourceOptions(parent=self, ignore_changes=["authConfig"]),
        )
        return Output.concat(self._registry.repository_url, "@", pushed.sha256_digest)

    def _access(self) -> dict[str, Input[str]]:
        """How Docker signs in to the registry."""
        account = cloud_of(self._plan).account
        token = aws.ecr.get_authorization_token_output(registry_id=account, opts=InvokeOptions(parent=self))
        return {
            "server": self._registry.repository_url,
            "username": token.user_name,
            "password": Output.secret(token.password),
        }


def _tag(plan: Plan) -> str:
    return f"{plan.release}-{plan.stack}-{datetime.now(UTC):%Y%m%dT%H%M%S}"[:_LONGEST_TAG]


def split(image: str) -> tuple[str, str]:
    """The repository and the digest of ``repository:tag`` (no digest) or ``repository@sha256:…``."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    return image.rpartition(":")[0], ""

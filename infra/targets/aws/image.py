"""The image that every task of an environment runs, always known by its digest."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker
from pulumi import InvokeOptions, Output, ResourceOptions

from infra.errors import UserError
from infra.release import migrations
from infra.release.runtime import to_json
from infra.targets.aws import foundation
from infra.targets.aws.copies import PLATFORM, copy, own_tag, sign_in
from infra.targets.base import Plan, cloud_of


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
        self.reference = self._find(cloud_of(args.plan).image)
        self.register_outputs({"reference": self.reference})

    def _find(self, given: str | None) -> Output[str]:
        """The working tree's own image, or the one that is named instead of it; an earlier release's is what it was."""
        plan = self._plan
        kept = plan.kept.image if plan.kept else ""
        if given and (plan.source or not kept):
            return self._create_copy(given)
        if plan.source:
            found = Output.all(self._create_build(), self._registry.repository_url)
            return found.apply(lambda known: current(kept, built=known[0], repository=known[1]))
        if kept:
            return Output.from_input(kept)
        raise UserError(
            f"The release {plan.release} has no image to run on AWS: it was made on another target. "
            "Run `pulumi config rm pitchbar:release` to deploy the working tree."
        )

    def _create_build(self) -> Output[str]:
        """Build ``app/`` and push it.

        The same release may be built twice (by two pull requests, or again after another one), so its tag is an own
        one. Logical name and ``ignore_changes`` make that the time of the release's build, and
        an update from another checkout, whose folder has another path, no build. A resource that goes leaves its image,
        which rollbacks need.
        """
        source = Path(self._plan.source)
        name = Output.concat(self._registry.repository_url, ":", own_tag(self._plan, self._plan.release))
        build: docker.DockerBuildArgsDict = {
            "context": str(source),
            "dockerfile": str(source / "Dockerfile"),
            "platform": PLATFORM,
            "args": {
                "RELEASE": self._plan.release,
                "MIGRATION_HEAD": migrations.revisions(source)[-1].id,
                "RUNTIME": to_json(self._plan.runtime),
            },
        }
        access = sign_in(self._plan, self)
        image = docker.Image(
            f"build-{self._plan.release}",
            image_name=name,
            build=build,
            registry={
                "server": self._registry.repository_url,
                "username": access.username,
                "password": access.password,
            },
            opts=ResourceOptions(parent=self, ignore_changes=["build", "imageName", "registry"], retain_on_delete=True),
        )
        reference: Output[str] = image.repo_digest
        return reference

    def _create_copy(self, given: str) -> Output[str]:
        """Copy an image from elsewhere, unless it is in ECR already. What its tag means is asked in each run, before
        anything is made."""
        repository, digest = split(given)
        if not digest:
            digest = docker.get_registry_image(name=given, opts=InvokeOptions(parent=self)).sha256_digest
        if ".dkr.ecr." in repository:
            return Output.from_input(f"{repository}@{digest}")
        name = f"given-{digest.removeprefix('sha256:')[:12]}"
        return copy(name, f"{repository}@{digest}", self._registry.repository_url, self._plan, self)


def current(kept: str, *, built: str, repository: str) -> str:
    """The image that the release had before, unless it went with an earlier registry of the stack's."""
    return kept if kept.startswith(f"{repository}@") else built


def split(image: str) -> tuple[str, str]:
    """The repository and the digest of ``repository:tag`` (no digest) or ``repository@sha256:…``."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    return image.rpartition(":")[0], ""

"""The registry of an environment's images, and copies of the public ones that it needs."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.copies import copy
from infra.targets.aws.settings import settings
from infra.targets.base import Plan

POSTGRES = "public.ecr.aws/docker/library/postgres:16.4-alpine"
"""For its psql, which makes an environment's own database."""
REDIS = "public.ecr.aws/docker/library/redis:7.2.5-alpine"
"""A preview's Redis."""

_UNTAGGED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """``keys``: the images are encrypted with the data key."""

    plan: Plan
    keys: foundation.Keys


class Registry(pulumi.ComponentResource):
    """ECR: tags never move, each image is scanned when it is pushed, old ones go (ECR.1, ECR.2, ECR.3; CKV_AWS_51,
    CKV_AWS_136, CKV_AWS_163).

    Expiry never takes what runs or what ran before it: a stack pushes an image when it deploys its release, so those
    are among the newest, of which ``kept_images`` stay. Age alone removes only what has no tag, and every image that
    was deployed has one.
    """

    facts: foundation.Registry

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Registry", name, None, opts)
        self._plan = args.plan
        self._settings = settings(args.plan.environment.name)
        self._key = args.keys.data_key_arn
        self._opts = ResourceOptions(parent=self)
        # Their logical names are the state's keys: a rename removes them, and with them every image.
        repository = self._create_repository("images", force_delete=self._settings.force_destroy)
        self._create_lifecycle(repository)
        copies = self._create_copies()
        self.facts = foundation.Registry(
            repository_url=repository.repository_url, repository_arn=repository.arn, **copies
        )
        self.register_outputs(dict(vars(self.facts)))

    def _create_repository(self, name: str, *, force_delete: bool) -> aws.ecr.Repository:
        protect = self._plan.environment.protect and not force_delete
        return aws.ecr.Repository(
            name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": self._key}],
            force_delete=force_delete,
            opts=ResourceOptions(parent=self, protect=protect),
        )

    def _create_lifecycle(self, repository: aws.ecr.Repository) -> aws.ecr.LifecyclePolicy:
        return aws.ecr.LifecyclePolicy(
            "images", repository=repository.name, policy=lifecycle(self._settings.kept_images), opts=self._opts
        )

    def _create_copies(self) -> dict[str, Input[str]]:
        previews = self._plan.environment.name == "preview"
        return {
            "postgres_image": self._create_public_copy("postgres", POSTGRES),
            "redis_image": self._create_public_copy("redis", REDIS) if previews else "",
        }

    def _create_public_copy(self, name: str, source: str) -> Output[str]:
        repository = self._create_repository(name, force_delete=True)
        aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=_without_untagged(), opts=self._opts)
        version = source.rpartition(":")[2]
        return copy(f"{name}-{version}", source, repository.repository_url, self._plan, self)


def lifecycle(kept: int) -> str:
    """The rules of expiry, as JSON: of the tagged images the newest ``kept`` stay."""
    by_count = {
        "rulePriority": 2,
        "description": f"Keep the newest {kept} images of releases",
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": ["*"],
            "countType": "imageCountMoreThan",
            "countNumber": kept,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [_UNTAGGED, by_count]}, sort_keys=True)


def _without_untagged() -> str:
    return json.dumps({"rules": [_UNTAGGED]}, sort_keys=True)


_UNTAGGED = {
    "rulePriority": 1,
    "description": f"Remove what has had no tag for {_UNTAGGED_DAYS} days",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": _UNTAGGED_DAYS,
    },
    "action": {"type": "expire"},
}

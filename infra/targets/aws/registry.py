"""The registry of an environment's images, and a cache of the public ones that it needs."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of

PUBLIC = "public.ecr.aws"
PUBLIC_IMAGES = ("docker/library/postgres", "docker/library/redis")
"""What is had through the cache: psql for an environment's own database, and a preview's Redis."""

_UNTAGGED_DAYS = 7
_LONGEST_PREFIX = 30


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
        repository = self._create_repository()
        self._create_lifecycle(repository)
        cache = self._create_cache()
        self._create_cached_images(cache)
        self.facts = self._facts(repository, cache)
        self.register_outputs(dict(vars(self.facts)))

    def _create_repository(self) -> aws.ecr.Repository:
        # Its logical name is the state's key: a rename removes it, and with it every image.
        return aws.ecr.Repository(
            "images",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": self._key}],
            force_delete=self._settings.force_destroy,
            opts=ResourceOptions(parent=self, protect=self._plan.environment.protect),
        )

    def _create_lifecycle(self, repository: aws.ecr.Repository) -> aws.ecr.LifecyclePolicy:
        return aws.ecr.LifecyclePolicy(
            "images", repository=repository.name, policy=lifecycle(self._settings.kept_images), opts=self._opts
        )

    def _create_cache(self) -> aws.ecr.PullThroughCacheRule:
        cloud = cloud_of(self._plan)
        prefix = f"{cloud.product}-{self._plan.stack}-public".lower()[-_LONGEST_PREFIX:].lstrip("-._")
        return aws.ecr.PullThroughCacheRule(
            "public", ecr_repository_prefix=prefix, upstream_registry_url=PUBLIC, opts=self._opts
        )

    def _create_cached_images(self, cache: aws.ecr.PullThroughCacheRule) -> None:
        """The repositories that the cache fills: made here and not by the first pull, so that they are encrypted,
        expire and go with the stack."""
        for image in PUBLIC_IMAGES:
            short = image.rpartition("/")[2]
            repository = aws.ecr.Repository(
                f"public-{short}",
                name=Output.concat(cache.ecr_repository_prefix, "/", image),
                # The cache moves the tag to the upstream's newest image.
                image_tag_mutability="MUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": self._key}],
                force_delete=True,
                opts=self._opts,
            )
            aws.ecr.LifecyclePolicy(
                f"public-{short}", repository=repository.name, policy=_without_untagged(), opts=self._opts
            )

    def _facts(self, repository: aws.ecr.Repository, cache: aws.ecr.PullThroughCacheRule) -> foundation.Registry:
        cloud = cloud_of(self._plan)
        host = f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com"
        arn = f"arn:aws:ecr:{cloud.region}:{cloud.account}:repository"
        return foundation.Registry(
            repository_url=repository.repository_url,
            repository_arn=repository.arn,
            public_cache_url=Output.concat(host, "/", cache.ecr_repository_prefix),
            public_cache_arn=Output.concat(arn, "/", cache.ecr_repository_prefix, "/*"),
        )


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

"""The release store on AWS: a manifest for each release in the bucket that `pitchbar bootstrap` makes."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import manifest_key, release_prefix, state_bucket
from infra.release import migrations
from infra.release.manifest import Manifest, missing, parse, to_json
from infra.targets.base import Cloud, Plan

IMMUTABLE = ("content",)
"""A manifest is written once: another run of the same release writes nothing."""


class Bucket:
    """The manifests of one stack's releases."""

    def __init__(self, stack: str, cloud: Cloud) -> None:
        self._stack = stack
        self._bucket = state_bucket(cloud.product, cloud.account, cloud.region)

    def read(self, release: str) -> Manifest | None:
        """The manifest of one release."""
        if release not in self._ids():
            return None
        return parse(aws.s3.get_object(bucket=self._bucket, key=manifest_key(self._stack, release)).body)

    def missing(self, release: str) -> str:
        """Why a release can't be had from it."""
        return missing(release, self._ids())

    def _ids(self) -> list[str]:
        prefix = release_prefix(self._stack)
        keys = aws.s3.get_objects(bucket=self._bucket, prefix=prefix).keys
        return [key.removeprefix(prefix).partition("/")[0] for key in keys if key.endswith("/manifest.json")]


def create_release(plan: Plan, cloud: Cloud, image: Input[str], opts: ResourceOptions) -> aws.s3.BucketObjectv2:
    """Put the release's manifest into the store, where it stays when the stack goes on to another or is destroyed."""
    opts = ResourceOptions.merge(opts, ResourceOptions(ignore_changes=list(IMMUTABLE), retain_on_delete=True))
    return aws.s3.BucketObjectv2(
        "release",
        bucket=state_bucket(cloud.product, cloud.account, cloud.region),
        key=manifest_key(plan.stack, plan.release),
        content=Output.from_input(image).apply(lambda reference: to_json(_manifest(plan, reference))),
        content_type="application/json",
        opts=opts,
    )


def _manifest(plan: Plan, image: str) -> Manifest:
    if plan.kept:
        return plan.kept
    return Manifest(
        id=plan.release,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        created_by=os.environ.get("GITHUB_ACTOR") or getpass.getuser(),
        commit=os.environ.get("GITHUB_SHA", ""),
        revisions=migrations.revisions(Path(plan.source)),
        runtime=plan.runtime,
        image=image,
    )

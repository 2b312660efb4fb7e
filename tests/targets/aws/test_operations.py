"""Scaling and the dashboard of the AWS target, and its registry and image."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from infra.errors import UserError
from infra.load import environment, load
from infra.release import runtime
from infra.release.manifest import Manifest
from infra.targets.aws.image import current, split
from infra.targets.aws.registry import POSTGRES, REDIS, lifecycle
from infra.targets.aws.sizes import Size, fargate_size, problems, rounded
from tests.support.aws.compute import RELEASE, cloud, compute, declare, plan_of
from tests.support.aws.doubles import ACCOUNT, DIGEST, REGION, CloudDouble
from tests.support.aws.program import program
from tests.support.engine import Recording, render
from tests.targets.aws.test_tasks import container, named

POLICY, TARGET = "aws:appautoscaling/policy:Policy", "aws:appautoscaling/target:Target"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
IMAGE, REPOSITORY = "docker:index/image:Image", "aws:ecr/repository:Repository"
TAG = "docker:index/tag:Tag"


def tracked(name: str) -> dict[str, Any]:
    found = named(compute("production"), POLICY, name).inputs["targetTrackingScalingPolicyConfiguration"]
    return dict(found)


def expressions(name: str) -> list[str]:
    metrics = tracked(name)["customizedMetricSpecification"]["metrics"]
    return [metric["expression"] for metric in metrics if "expression" in metric]


def test_scaling_stays_between_min_and_max_and_previews_have_none() -> None:
    bounds = {
        target.name: (target.inputs["minCapacity"], target.inputs["maxCapacity"])
        for target in compute("production").of(TARGET)
    }
    assert bounds == {"app": (2, 8), "worker": (2, 8)}
    assert compute("preview").of(TARGET) == ()


def test_the_app_scales_by_load_and_by_requests() -> None:
    load, requests = tracked("app-load"), tracked("app-requests")
    assert load["targetValue"] == 60
    assert load["predefinedMetricSpecification"]["predefinedMetricType"] == "ECSServiceAverageCPUUtilization"
    assert requests["targetValue"] == 1000
    assert expressions("app-requests") == ["(requests0 + requests1) / IF(tasks < 1, 1, tasks)"]


def test_the_worker_scales_by_the_backlog_of_each_task_and_never_in_while_jobs_are_held() -> None:
    assert tracked("worker-backlog")["targetValue"] == 100
    assert expressions("worker-backlog") == [
        "backlog / IF(tasks < 1, 1, tasks)",
        "IF((delayed + reserved) > 0 AND each < 100, 100, each)",
    ]
    metrics = tracked("worker-backlog")["customizedMetricSpecification"]["metrics"]
    assert [metric["id"] for metric in metrics if metric.get("returnData")] == ["result"]
    asked = {metric["id"]: metric["metricStat"]["metric"] for metric in metrics if "metricStat" in metric}
    assert asked["backlog"]["namespace"] == "Pitchbar"
    assert asked["backlog"]["dimensions"] == [{"name": "Stack", "value": "st"}]
    assert [metric["metricStat"]["stat"] for metric in metrics if metric["id"] == "tasks"] == ["SampleCount"]


def test_a_preview_has_neither_alarms_nor_probe() -> None:
    recording = compute("preview")
    for type in (ALARM, "aws:sns/topic:Topic", "aws:lambda/function:Function", "aws:cloudwatch/dashboard:Dashboard"):
        assert recording.of(type) == (), type
    assert "alarms" not in named(recording, "aws:ecs/service:Service", "app").inputs


def test_the_dashboard_shows_every_process_and_store() -> None:
    [dashboard] = compute("production").of("aws:cloudwatch/dashboard:Dashboard")
    widgets = json.loads(dashboard.inputs["dashboardBody"])["widgets"]
    lines = [line for widget in widgets for line in widget["properties"]["metrics"]]
    assert {line[0] for line in lines} == {"AWS/ApplicationELB", "AWS/ECS", "AWS/RDS", "AWS/ElastiCache", "Pitchbar"}
    assert {line[-1]["label"] for line in lines if line[0] == "AWS/ECS"} == {"app", "worker", "realtime"}
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(places)) == len(places) and max(x for x, _ in places) == 16


def test_the_probe_has_no_secret_in_its_environment() -> None:
    [function] = compute("production").of("aws:lambda/function:Function")
    variables = function.inputs["environment"]["variables"]
    assert variables["REDIS_PASSWORD_FROM"].startswith("arn:aws:secretsmanager:")
    assert variables["QUEUES"] == "crawl,index,default" and variables["REDIS_SCHEME"] == "tls"
    assert len(function.inputs["vpcConfig"]["subnetIds"]) == 2


def test_expiry_leaves_the_newest_images_and_takes_untagged_ones_by_age() -> None:
    rules = json.loads(lifecycle(50))["rules"]
    by_age, by_count = (rule["selection"] for rule in rules)
    assert (by_age["tagStatus"], by_age["countType"]) == ("untagged", "sinceImagePushed")
    assert by_count == {
        "tagStatus": "tagged",
        "tagPatternList": ["*"],
        "countType": "imageCountMoreThan",
        "countNumber": 50,
    }


def test_repositories_are_immutable_scanned_and_encrypted() -> None:
    repositories = {
        repository.name: repository for repository in compute("production").of("aws:ecr/repository:Repository")
    }
    assert repositories.keys() == {"images", "postgres"}
    for repository in repositories.values():
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository.inputs["encryptionConfigurations"][0]["encryptionType"] == "KMS"
    assert repositories["images"].options.protect and not repositories["images"].inputs.get("forceDelete")
    assert {repository.name for repository in compute("preview").of(REPOSITORY)} == {
        "images", "postgres", "redis",
    }  # fmt: skip


def test_a_working_tree_is_built_and_pushed_under_a_tag_of_its_own() -> None:
    [image] = compute("production").of(IMAGE)
    assert image.name == f"build-{RELEASE}"
    assert image.inputs["imageName"].rpartition(":")[2].startswith(f"{RELEASE}-st-2")
    assert image.inputs["build"]["platform"] == "linux/amd64"
    assert image.inputs["build"]["args"]["RELEASE"] == RELEASE
    assert json.loads(image.inputs["build"]["args"]["RUNTIME"])["processes"].keys() == {"app", "worker", "realtime"}
    assert set(image.options.ignore_changes) == {"build", "imageName", "registry"} and image.options.retain_on_delete
    assert "registry.password" in image.secrets or "registry" in image.secrets


def other(**changes: Any) -> Recording:
    plan = plan_of(environment(load(), "staging"), **changes)
    return render(lambda: declare(plan), stack="st", double=CloudDouble())


def test_a_kept_release_runs_its_image_again_without_a_build() -> None:
    kept = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/images@sha256:{'ab' * 32}"
    wanted = environment(load(), "staging")
    manifest = Manifest(RELEASE, "2026-01-01T00:00:00.000Z", "somebody", "", (), runtime.render(wanted), kept)
    recording = other(source="", kept=manifest)
    assert recording.of(IMAGE) == ()
    assert container(recording, "app")["image"] == kept


def test_another_image_is_run_though_the_release_is_in_the_store() -> None:
    """The working tree's id is the same, and its manifest names the image of before."""
    wanted = environment(load(), "staging")
    old = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/images@sha256:{'ab' * 32}"
    manifest = Manifest(RELEASE, "2026-01-01T00:00:00.000Z", "somebody", "", (), runtime.render(wanted), old)
    given = cloud(image=f"ghcr.io/pitchbar/pitchbar@{DIGEST}")
    assert container(other(kept=manifest, cloud=given), "app")["image"].endswith(DIGEST)
    assert container(other(kept=manifest, cloud=given, source=""), "app")["image"] == old


def test_a_release_without_an_image_is_refused() -> None:
    with pytest.raises(UserError, match=f"The release {RELEASE} has no image to run on AWS"):
        other(source="")


@pytest.mark.parametrize("digest", ["", f"@{DIGEST}"])
def test_an_image_from_elsewhere_is_copied_and_known_by_its_digest(digest: str) -> None:
    given = f"ghcr.io/pitchbar/pitchbar{digest or ':1.4.2'}"
    recording = other(cloud=cloud(image=given))
    assert recording.of(IMAGE) == ()
    name = f"given-{DIGEST.removeprefix('sha256:')[:12]}"
    assert (
        named(recording, "docker:index/remoteImage:RemoteImage", name).inputs["name"]
        == f"ghcr.io/pitchbar/pitchbar@{DIGEST}"
    )
    image = container(recording, "app")["image"]
    assert ".dkr.ecr." in image and "@sha256:" in image


def test_a_copy_has_a_tag_that_was_never_pushed_before_and_keeps_it() -> None:
    """The registry takes no tag twice, not even for the same image, and stacks on a base share it."""
    given = cloud(image=f"ghcr.io/pitchbar/pitchbar@{DIGEST}")
    copies = [*program("preview-base").of(TAG), *(tag for tag in other(cloud=given).of(TAG) if "given" in tag.name)]
    versions = [POSTGRES.rpartition(":")[2], REDIS.rpartition(":")[2], DIGEST.removeprefix("sha256:")]
    for copied, version, stack in zip(copies, versions, ("preview-base", "preview-base", "st"), strict=True):
        tag = copied.inputs["targetImage"].rpartition(":")[2]
        assert re.fullmatch(rf"{re.escape(version)}-{stack}-[0-9]{{8}}T[0-9]{{6}}", tag) and len(tag) <= 128
        # Another version is another resource: one that is replaced would keep the tag that it ignores changes of.
        assert version[:12] in copied.name and set(copied.options.ignore_changes) == {"targetImage"}


def test_an_image_that_went_with_its_registry_is_not_run() -> None:
    now, before = "1.dkr.ecr.us-east-1.amazonaws.com/now", "1.dkr.ecr.us-east-1.amazonaws.com/before"
    assert current(f"{now}@sha256:a", built=f"{now}@sha256:b", repository=now) == f"{now}@sha256:a"
    assert current(f"{before}@sha256:a", built=f"{now}@sha256:b", repository=now) == f"{now}@sha256:b"
    assert current("", built=f"{now}@sha256:b", repository=now) == f"{now}@sha256:b"


def test_images_are_taken_apart() -> None:
    assert split("ghcr.io:443/a/b:1.2") == ("ghcr.io:443/a/b", "")
    assert split(f"ghcr.io/a/b@{DIGEST}") == ("ghcr.io/a/b", DIGEST)


@pytest.mark.parametrize(
    ("cpu", "memory", "size"),
    [
        (2, 2048, Size(2048, 4096)),
        (0.25, 512, Size(256, 512)),
        (0.1, 2049, Size(512, 3072)),
        (1, 9 * 1024, Size(2048, 9 * 1024)),
        (8, 17 * 1024, Size(8192, 20 * 1024)),
        (16, 120 * 1024, Size(16384, 120 * 1024)),
        (17, 1024, None),
        (1, 121 * 1024, None),
    ],
)
def test_fargates_next_larger_size(cpu: float, memory: int, size: Size | None) -> None:
    assert fargate_size(cpu, memory) == size


def test_what_fargate_cant_do_names_the_key() -> None:
    wanted = environment(load(), "production")
    assert list(problems(wanted)) == []
    processes = wanted.processes
    large = dataclasses.replace(
        wanted,
        processes=dataclasses.replace(
            processes,
            app=dataclasses.replace(processes.app, cpu=17.0),
            worker=dataclasses.replace(processes.worker, stop_timeout=121),
        ),
    )
    assert list(problems(large)) == [
        "environments.production.processes.app.cpu and .memory: found 17vCPU and 2GB. "
        "Fargate has no size that large: the largest is 16vCPU with 120GB.",
        "environments.production.processes.worker.stop_timeout: found 121s. "
        "Fargate waits 120s at most between SIGTERM and SIGKILL.",
    ]


def test_what_got_larger_is_said() -> None:
    assert list(rounded(environment(load(), "production"))) == [
        "The app's tasks get 2 vCPU and 4GB instead of 2 vCPU and 2GB: Fargate's next larger size.",
        "The worker's tasks get 2 vCPU and 4GB instead of 2 vCPU and 2GB: Fargate's next larger size.",
        "The realtime's tasks get 1 vCPU and 2GB instead of 1 vCPU and 1GB: Fargate's next larger size.",
    ]
    assert list(rounded(environment(load(), "preview"))) == []

"""What AWS doesn't have is refused before anything is declared, all of it at once; and where copies are kept."""

from dataclasses import replace

import pytest

from infra import cloud_names
from infra.cloud_names import aws_region, second_region
from infra.errors import UserError
from infra.load import environment, load
from infra.model import Environment, Health
from infra.targets.aws import TARGET
from tests.support.aws.plans import cloud


def impossible() -> Environment:
    wanted = environment(load(), "preview")
    return replace(
        wanted,
        postgres=replace(wanted.postgres, cpu=65),
        redis=replace(wanted.redis, memory=400 * 1024),
        processes=replace(wanted.processes, worker=replace(wanted.processes.worker, stop_timeout=200)),
    )


def test_everything_that_doesnt_fit_is_said_at_once() -> None:
    with pytest.raises(UserError) as refused:
        TARGET.check("staging", impossible(), cloud("preview"))
    assert str(refused.value).splitlines() == [
        "The environment preview doesn't fit on AWS:",
        "  environments.preview.processes.worker.stop_timeout: found 200s. Fargate waits 120s at most between SIGTERM "
        "and SIGKILL.",
        "  environments.preview.redis.memory in infra/cloud.yaml is more than ElastiCache has: 400 GB, and the largest "
        "node, cache.r7g.16xlarge, has 314 GB for data. Lower it there.",
        "  environments.preview.postgres.cpu in infra/cloud.yaml is more than RDS has: 65 vCPU with 1 GB, and the "
        "largest class, db.r7g.16xlarge, has 64 vCPU with 512 GB. Lower it there.",
    ]


def test_on_a_base_the_server_is_the_bases_and_redis_is_a_container() -> None:
    with pytest.raises(UserError) as refused:
        TARGET.check("pr-12", impossible(), cloud("preview", base="preview-base"))
    said = str(refused.value)
    assert "more than a task of Fargate can hold: 400 GB" in said and "RDS" not in said and "ElastiCache" not in said


@pytest.mark.parametrize("name", ["production", "staging", "preview"])
def test_the_models_own_sizes_fit(name: str) -> None:
    for base in (None, "preview-base") if name == "preview" else (None,):
        TARGET.check("staging", environment(load(), name), cloud(name, base=base))


@pytest.mark.parametrize(
    ("interval", "timeout", "said"),
    [
        (400, 3, "interval: found 400s. A load balancer checks every 300s at least."),
        (200, 130, "timeout: found 130s. A load balancer waits 120s at most."),
        (5, 5, "timeout: found 5s. A load balancer waits less than the 5s between two checks."),
        (1, 5, "timeout: found 5s. A load balancer waits less than the 5s between two checks."),
    ],
)
def test_health_checks_that_a_load_balancer_doesnt_have_are_refused(interval: int, timeout: int, said: str) -> None:
    wanted = environment(load(), "staging")
    app = replace(wanted.processes.app, health=Health(interval=interval, timeout=timeout, deadline=900))
    with pytest.raises(UserError) as refused:
        TARGET.check("staging", replace(wanted, processes=replace(wanted.processes, app=app)), cloud())
    assert str(refused.value).splitlines() == [
        "The environment staging doesn't fit on AWS:",
        f"  environments.staging.processes.app.health.{said}",
    ]


@pytest.mark.parametrize("stack", ["EU_prod", "Staging", "pr.1", "pr-", "a--b", "9lives", "pr_12", "münchen"])
def test_a_stack_after_which_no_bucket_can_be_called_is_refused(stack: str) -> None:
    with pytest.raises(UserError) as refused:
        TARGET.check(stack, environment(load(), "staging"), cloud())
    assert str(refused.value) == (
        f"The stack {stack} can't be on AWS, where buckets and databases are called after it: its name has lower-case "
        "letters, digits and single hyphens, and begins with a letter. Choose another one: `pulumi stack rename NAME`."
    )


@pytest.mark.parametrize(("product", "longest"), [("pitchbar", 14), ("chat", 18)])
def test_a_stack_whose_names_would_be_too_long_is_refused(product: str, longest: int) -> None:
    wanted, place = environment(load(), "staging"), cloud(product=product)
    TARGET.check("s" * longest, wanted, place)
    with pytest.raises(UserError, match=f"has {longest + 1} letters, and on AWS at most {longest} fit"):
        TARGET.check("s" * (longest + 1), wanted, place)


def test_every_part_of_the_world_has_a_second_region_that_is_another_one() -> None:
    for part in cloud_names._REGIONS:
        first = aws_region(part)
        assert second_region(first) != first


@pytest.mark.parametrize("region", [region for region in cloud_names._SECOND if region[:3] in ("us-", "eu-", "ca-")])
def test_copies_stay_in_the_same_country_or_union(region: str) -> None:
    assert second_region(region)[:3] == region[:3]


def test_a_region_without_a_second_one_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        second_region("me-south-1")
    assert str(refused.value).startswith(
        'pitchbar:region: found "me-south-1", for which Pitchbar has no second region to keep copies in.'
    )

"""Names that a plan gives itself: allowed where they go, and never the same for two things."""

import re

import pytest

from infra.cloud_names import own_name


@pytest.mark.parametrize(
    ("text", "between", "name"),
    [
        ("pitchbar-staging-postgres", "-", "pitchbar-staging-postgres"),
        ("pitchbar-pr-12", "_", "pitchbar_pr_12"),
        ("redis-pr-7", "-", "redis-pr-7"),
    ],
)
def test_a_name_that_is_allowed_stays(text: str, between: str, name: str) -> None:
    assert own_name(text, between=between) == name


@pytest.mark.parametrize(
    "text", ["pitchbar-PR-12", "pitchbar-pr.12", "pitchbar-pr_12", "7-up", "-x--y-", "a" * 100, "é"]
)
@pytest.mark.parametrize(("between", "limit"), [("-", 63), ("_", 50), ("-", 40)])
def test_any_other_becomes_one_that_is(text: str, between: str, limit: int) -> None:
    name = own_name(text, between=between, limit=limit)
    assert re.fullmatch(rf"[a-z][a-z0-9]*({between}[a-z0-9]+)*", name) and len(name) <= limit


def test_two_texts_never_give_one_name() -> None:
    texts = [
        "pitchbar-pr-12",
        "pitchbar-pr.12",
        "pitchbar-PR-12",
        "pitchbar-pr_12",
        "pitchbar--pr-12",
        "a" * 70,
        "a" * 71,
    ]
    for between in "-_":
        assert len({own_name(text, between=between) for text in texts}) == len(texts)

"""What is said where the clouds' packages aren't set up, and that the local target's set-up hasn't them."""

import importlib.util
import re

import pytest

from infra.errors import UserError
from infra.packages import AWS, need_aws
from infra.paths import project_root


def test_with_them_nothing_is_said() -> None:
    need_aws()


def test_without_them_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ("boto3", "pulumi_aws") else found(name)
    )
    with pytest.raises(UserError) as refused:
        need_aws()
    assert str(refused.value) == (
        "The target aws needs Python packages that are not set up here (boto3, pulumi-aws). "
        "To get them, type: make setup TARGET=aws"
    )


def test_only_the_locks_of_aws_and_of_development_have_them() -> None:
    names = {name.replace("_", "-") for name in AWS}
    for lock, wanted in (("requirements.txt", set()), ("requirements-aws.txt", names), ("requirements-dev.txt", names)):
        locked = set(re.findall(r"^([a-z0-9.-]+)==", (project_root() / lock).read_text(), re.M))
        assert locked & names == wanted

"""The commands of AWS' own command line that the documents tell people to type: services, operations, options and what
an operation can't do without, against AWS' description of its interface."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import botocore
import pytest

from infra.paths import project_root

GLOBAL = {"query", "output", "region", "profile"}
SERVICES = {"s3api": "s3"}
OF_THE_CLI = {("sso", "login")}
"""What the command line does itself, by no operation of AWS'."""
DOCUMENTS = sorted([*project_root().glob("*.md"), *(project_root() / "docs").rglob("*.md")])


def commands(document: Path) -> Iterator[list[str]]:
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(aws [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[:1] == ["aws"] and tuple(words[1:3]) not in OF_THE_CLI:
            yield words


EVERY = [command for document in DOCUMENTS for command in commands(document)]


def test_the_documents_have_such_commands() -> None:
    assert len(EVERY) > 12
    assert {"rds", "backup", "secretsmanager", "kms", "s3api", "elasticache"} <= {command[1] for command in EVERY}


def members(shape: botocore.model.StructureShape) -> Mapping[str, str]:
    """An operation's members by the option for each."""
    return {botocore.xform_name(name, "-"): name for name in shape.members}


def problems(command: list[str]) -> Iterator[str]:
    client = boto3.client(SERVICES.get(command[1], command[1]), region_name="us-east-1")
    if command[2] == "wait":
        if command[3].replace("-", "_") not in client.waiter_names:
            yield f"there is no waiter {command[3]}"
        return
    operations = {botocore.xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    if command[2] not in operations:
        yield f"there is no operation {command[2]}"
        return
    shape = client.meta.service_model.operation_model(operations[command[2]]).input_shape
    assert shape is not None
    known, given = members(shape), [word[2:] for word in command if word.startswith("--")]
    named = {option.removeprefix("no-") if option not in known else option for option in given} - GLOBAL
    yield from (f"{command[2]} has no --{option}" for option in sorted(named - set(known)))
    missing = {option for option, name in known.items() if name in shape.required_members} - named
    yield from (f"{command[2]} needs --{option}" for option in sorted(missing))


@pytest.mark.parametrize("command", EVERY, ids=lambda command: " ".join(command[1:3]))
def test_the_command_can_be_typed(command: list[str]) -> None:
    assert list(problems(command)) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("aws rds restore-db-instance --x 1", "there is no operation restore-db-instance"),
        ("aws kms cancel-key-deletion", "cancel-key-deletion needs --key-id"),
        ("aws kms cancel-key-deletion --key-id a --now", "cancel-key-deletion has no --now"),
        ("aws rds wait db-instance-ready", "there is no waiter db-instance-ready"),
    ],
)
def test_a_wrong_command_is_seen(line: str, problem: str) -> None:
    assert list(problems(line.split())) == [problem]

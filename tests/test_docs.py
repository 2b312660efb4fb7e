"""What the documents name is there: files, commands and their options, make targets, configuration keys."""

import functools
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cli import main
from infra.cloud_names import secrets_key_alias, state_bucket
from infra.paths import project_root
from infra.stack_config import KEYS
from infra.toolchain import locate

ROOT = project_root()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def commands() -> dict[str, set[str]]:
    """Every pitchbar command with its options."""
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in main.commands.items()
    }


def test_there_are_documents() -> None:
    assert ROOT / "README.md" in DOCUMENTS
    assert len(DOCUMENTS) > 4


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    known = commands()
    for name, rest in re.findall(r"(?:\.venv/bin/|[`(])pitchbar ([a-z][a-z-]*)((?: [^`\n|)]*)?)", text):
        assert name in known, f"pitchbar {name}"
        for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest.partition("#")[0]):
            assert option in known[name], f"pitchbar {name} {option}"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_configuration_keys_exist(document: Path) -> None:
    named = re.findall(r"pitchbar:([a-z-]+)(?![a-z-]*:)", document.read_text(encoding="utf-8"))
    assert set(named) <= {*KEYS, "local", "index"}


def pulumi_commands() -> Iterator[tuple[str, ...]]:
    """The command lines of bare `pulumi` in the documents' shell blocks, each once."""
    seen = set()
    for document in DOCUMENTS:
        for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\|\|", line.partition(" #")[0]):
                    words = tuple(shlex.split(part))
                    if words[:1] == ("pulumi",) and words not in seen:
                        seen.add(words)
                        yield words


@functools.cache
def pulumi_help(*words: str) -> str:
    """What the CLI says of a command; of one that it doesn't have it says what its parent does."""
    command: list[str] = [str(locate().pulumi), *words, "--help"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return finished.stdout


def there_is(*words: str) -> bool:
    """Whether the CLI has a command, under this name or another one."""
    return pulumi_help(*words) not in ("", pulumi_help(*words[:-1]))


@pytest.mark.parametrize("command", list(pulumi_commands()), ids=lambda command: " ".join(command[1:4]))
def test_bare_pulumi_has_the_commands_and_options(command: tuple[str, ...]) -> None:
    """The CLI itself is asked, without a stack: what such commands do on AWS can't be tried here."""
    words = [word for word in command[1:] if not word.startswith("-")]
    assert there_is(words[0])
    inner = words[0] in ("stack", "config", "state") and len(words) > 1
    assert not inner or there_is(*words[:2])
    text = pulumi_help(*words[: 2 if inner else 1])
    options = {word.partition("=")[0] for word in command if word.startswith("-")}
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))
    assert options - known == set()


def test_the_names_in_the_aws_document_are_those_of_the_bootstrap() -> None:
    text = (ROOT / "docs/aws.md").read_text(encoding="utf-8")
    bucket, region = state_bucket("pitchbar", "123456789012", "us-east-1"), "us-east-1"
    assert f'export PULUMI_BACKEND_URL="s3://{bucket}?region={region}"' in text
    for environment in ("staging", "preview"):
        assert f'--secrets-provider="awskms://{secrets_key_alias("pitchbar", environment)}?region={region}"' in text

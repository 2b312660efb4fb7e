"""What the documents name is there: files, commands and their options, make targets, configuration keys."""

import re
from pathlib import Path

import pytest

from infra.cli import main
from infra.paths import project_root
from infra.stack_config import KEYS

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

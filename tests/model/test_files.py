"""Files that are no cloud.yaml at all, and what YAML allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.load import environment, load

Refused = Callable[[str | bytes], list[str]]
YAML_FIX = "The file is YAML. Check indentation, colons and quotes."
TOP = "The file begins with keys such as name. Write them at its top."
ALL = "The environments are preview, staging, production and local."


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [f"1: found an empty file. {TOP}"]),
        ("# nothing\n", [f"1: found an empty file. {TOP}"]),
        ("- name\n", [f"1: found a list. {TOP}"]),
        ("\npitchbar\n", [f"2: found a single value. {TOP}"]),
        (
            "name: pitchbar\ndefaults:\n\tredis:\n  \t  memory: 1GB\n",
            [
                "3: found a tab in the indentation. YAML is indented with spaces. Replace the tab with spaces.",
                "4: found a tab in the indentation. YAML is indented with spaces. Replace the tab with spaces.",
            ],
        ),
        ("name: [\n", [f"2: found invalid YAML (column 1): did not find expected node content. {YAML_FIX}"]),
        (
            "a: b: c\n",
            [f"1: found invalid YAML (column 5): mapping values are not allowed in this context. {YAML_FIX}"],
        ),
        ("name: 'x\n", [f"2: found invalid YAML (column 1): found unexpected end of stream. {YAML_FIX}"]),
        ("a: *nope\n", [f"1: found invalid YAML (column 4): found undefined alias. {YAML_FIX}"]),
        ("a: 1\n---\nb: 2\n", [f"2: found invalid YAML (column 1): but found another document. {YAML_FIX}"]),
        ("a: \x00\n", [f"1: found invalid YAML (character 3): control characters are not allowed. {YAML_FIX}"]),
        (b"name: pitchbar\nregion: \xff\n", ["2: found the byte 0xff. The file is UTF-8 text. Save it as UTF-8."]),
        (
            "name: pitchbar\nenvironments: 5\n",
            [
                "2: environments: found 5. Keys belong here. Write them indented below.",
                f"2: environments.local: found nothing. {ALL} Add local: with its keys below.",
                f"2: environments.preview: found nothing. {ALL} Add preview: with its keys below.",
                f"2: environments.production: found nothing. {ALL} Add production: with its keys below.",
                f"2: environments.staging: found nothing. {ALL} Add staging: with its keys below.",
            ],
        ),
    ],
)
def test_what_is_no_cloud_file_is_refused(text: str | bytes, problems: list[str], refused: Refused) -> None:
    assert refused(text) == problems


def test_the_whole_error_has_a_count_and_clickable_lines(
    tmp_path: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cloud.yaml"
    path.write_text(reference.replace("  prod", "  pord").replace("  local:\n", "  locl:\n"), encoding="utf-8")
    first, second = (reference[: reference.index(f"  {name}:\n")].count("\n") + 1 for name in ("production", "local"))
    with pytest.raises(UserError) as caught:
        load(path)
    section = reference[: reference.index("  # One for each pull request")].count("\n") + 2
    assert str(caught.value).splitlines() == [
        "cloud.yaml has 4 problems:",
        f"  cloud.yaml:{section}: environments.local: found nothing. {ALL} Add local: with its keys below.",
        f"  cloud.yaml:{section}: environments.production: found nothing. {ALL} Add production: with its keys below.",
        f"  cloud.yaml:{first}: environments.porduction: found an unknown key."
        " The keys here are preview, staging, production and local. Write production.",
        f"  cloud.yaml:{second}: environments.locl: found an unknown key."
        " The keys here are preview, staging, production and local. Write local.",
    ]


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cloud.yaml"
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value) == (
        f"Cannot read {path}: No such file or directory. See what is there, or restore it: `ls -l {tmp_path}`."
    )
    path.mkdir()
    with pytest.raises(UserError) as caught:
        load(path)
    assert "Is a directory" in str(caught.value)


def test_a_file_that_contains_itself_or_explodes_is_refused(reference: str, refused: Refused) -> None:
    cycle = reference.replace("  storage:\n", "  storage: &loop\n    inner: *loop\n", 1)
    assert any(
        problem.endswith(
            "defaults.storage.inner: found an alias of something that it is a part of."
            " A file is a finite tree. Write the values out."
        )
        for problem in refused(cycle)
    )
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert any("found more values than fit." in problem for problem in refused(bomb))


@pytest.mark.parametrize(
    "nested",
    [
        "a: " + "[" * 300_000,
        "a: " + "{b: " * 2_000 + "}" * 2_000,
        "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2_000))]),
    ],
    ids=["which crashes the library", "which it composes", "by aliases"],
)
def test_what_is_nested_without_end_is_refused(nested: str, refused: Refused) -> None:
    deep = "found more levels than fit. A file is a finite tree. Write the values out."
    assert any(problem.endswith(deep) for problem in refused(f"name: pitchbar\n{nested}\n"))


@pytest.mark.parametrize(
    ("was", "endless", "rule"),
    [
        ("port: 8000", "port: {}", "It is a whole number from 1024 to 65535. Choose one of those."),
        ("memory: 2GB", "memory: {}GB", "A size is a whole number and its unit (MB, GB or TB) in one word."),
        ("memory: 2GB", "memory: {}", "A size is a whole number and its unit (MB, GB or TB) in one word."),
        ("cpu: 2vCPU", "cpu: {}vCPU", "Processor power is a number and its unit (vCPU) in one word, in steps of"),
    ],
)
def test_a_number_without_end_is_refused_and_cut_short(
    was: str, endless: str, rule: str, reference: str, refused: Refused
) -> None:
    [problem] = refused(reference.replace(was, endless.format("9" * 70_000), 1))
    assert rule in problem
    assert f"{'9' * 500}…" in problem
    assert len(problem) < 1000


def test_characters_that_a_terminal_would_obey_are_spelt_out(reference: str, refused: Refused) -> None:
    [problem] = refused(reference.replace("runtime: bundled", r'runtime: "\e[31m\nred\u00a0"', 1))
    assert r'found "\x1b[31m\nred\xa0". It is bundled or laravel.' in problem


def test_anchors_and_merges_are_welcome(tmp_path: Path, reference: str) -> None:
    text = reference.replace("  redis:\n", "  redis: &redis\n", 1)
    text = text.replace("    redis: {memory: 256MB}\n", "    redis:\n      <<: *redis\n      failover: true\n", 1)
    path = tmp_path / "cloud.yaml"
    path.write_text("\ufeff" + text, encoding="utf-8")
    redis = environment(load(path), "local").redis
    assert (redis.memory, redis.persistent, redis.failover) == (1024, True, True)


def test_what_an_environment_leaves_out_comes_from_the_defaults(tmp_path: Path, reference: str) -> None:
    path = tmp_path / "cloud.yaml"
    purpose = "    purpose: Long-lived mirror of production's configuration, for QA and pre-release verification.\n"
    text = reference.replace(purpose, "", 1).replace("  runtime: bundled", "  purpose: Any.\n  runtime: bundled", 1)
    path.write_text(text, encoding="utf-8")
    assert environment(load(path), "staging").purpose == "Any."


def test_an_unknown_environment_names_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        environment(load(), "prodution")
    assert str(caught.value) == (
        'There is no environment "prodution": infra/cloud.yaml has preview, staging, production and local.'
        " Choose one: `pulumi config set pitchbar:environment production`."
    )

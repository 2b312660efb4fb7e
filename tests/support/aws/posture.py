"""Checkov's judgement of the security posture of converted programs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import toolchain


@dataclass(frozen=True, order=True)
class Finding:
    """A check that failed. ``resource``: CloudFormation's type, and the logical name."""

    check: str
    stack: str
    resource: str
    title: str = ""


def findings(templates: Mapping[str, str]) -> list[Finding]:
    """The checks that fail, by the templates' names (stacks)."""
    python = toolchain.recorded().get("checkov")
    assert python, "Checkov isn't there: run `make setup-dev`"
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder:
        for stack, text in templates.items():
            (Path(folder) / f"{stack}.json").write_text(text, encoding="utf-8")
        command = [python, "-m", "checkov.main", "-d", folder, "--framework", "cloudformation"]
        done = subprocess.run(
            [*command, "--output", "json", "--quiet", "--compact", "--skip-download"],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "HOME": folder, "PYTHONWARNINGS": "ignore"},
        )
    assert done.returncode in (0, 1) and done.stdout, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, report
    assert report["summary"]["resource_count"], "checkov saw no resource"
    return sorted(
        Finding(each["check_id"], Path(each["file_path"]).stem, each["resource"], each["check_name"])
        for each in report["results"]["failed_checks"]
    )

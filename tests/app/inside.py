"""Runs a few lines in the app's own Python, which has the app's dependencies, and brings their `result` back."""

from __future__ import annotations

import json
import subprocess
from textwrap import dedent
from typing import Any

from infra.toolchain import app_python
from tests.app.processes import APP


def inside(code: str, **given: Any) -> Any:
    """Run the code with these names defined; it leaves what it found in `result`."""
    program = "import json, sys\nglobals().update(json.loads(sys.stdin.read()))\n" + dedent(code)
    done = subprocess.run(
        [str(app_python(APP / "requirements.txt")), "-c", program + "\nprint(json.dumps(result))"],
        cwd=APP,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

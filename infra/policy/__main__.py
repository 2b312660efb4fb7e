"""``python -m infra.policy`` renews `docs/security-controls.md`."""

from infra.paths import project_root
from infra.policy.document import render

path = project_root() / "docs" / "security-controls.md"
path.write_text(render(), encoding="utf-8")
print(f"Wrote {path.relative_to(project_root())}.")

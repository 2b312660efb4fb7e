"""The table of controls in `docs/security-controls.md`."""

from __future__ import annotations

from infra.policy.controls import CONTROLS, exempt
from infra.policy.exemptions import EXEMPTIONS, KINDS

_HEAD = """# Security controls

Generated from [`infra/policy`](../infra/policy/controls.py) by `make security-controls`; a test fails when it is stale.

The ids are those of AWS Foundational Security Best Practices, for the services that the target `aws` uses. Every
control is a function over what the program declares, and is held against every kind of stack: `production`, `staging`,
`preview-base` (what the stacks of pull requests stand on) and `pr` (such a stack). Met means that every resource of the
kind's program that the control is about keeps it; a kind that has no such resource keeps it as well. What is not met
is explained below. None of this asks AWS: it proves what is declared, not what an account has been changed to since.
"""


def render() -> str:
    """The whole document."""
    return "\n".join([_HEAD, *_table(), "", "## Not met, and why", "", *_exemptions()]) + "\n"


def _table() -> list[str]:
    rows = [f"| {control.id} | {control.says} | {_where(control.id)} |" for control in CONTROLS]
    return ["| control | what must hold | met |", "| --- | --- | --- |", *rows]


def _where(control: str) -> str:
    missing = [kind for kind in KINDS if exempt(control, kind)]
    if not missing:
        return "everywhere"
    met = [kind for kind in KINDS if kind not in missing]
    return f"{', '.join(met)}; not: {', '.join(missing)}" if met else "nowhere"


def _exemptions() -> list[str]:
    order = {control.id: number for number, control in enumerate(CONTROLS)}
    rows = [
        f"| {each.control} | {', '.join(each.kinds)} | {each.reason} |"
        for each in sorted(EXEMPTIONS, key=lambda each: (order[each.control], each.kinds))
    ]
    return ["| control | where | why |", "| --- | --- | --- |", *rows]

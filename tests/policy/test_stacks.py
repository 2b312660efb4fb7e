"""The controls held against what the program declares for each kind of stack."""

from __future__ import annotations

import pytest

from infra.policy.control import Control, Declared
from infra.policy.controls import CONTROLS, stale, unmet
from tests.support.aws.program import STACKS, program

KINDS = {("pr" if stack.startswith("pr-") else stack): stack for stack in STACKS}
ABSENT = {
    "RDS.1": "No snapshot is declared, so none is shared.",
    "SecretsManager.2": "No rotation by schedule is declared.",
    "EC2.21": "No network ACL is declared; the default one is AWS'.",
    "IAM.2": "No user is declared.",
    "KMS.1": "No managed policy is declared; roles have their own, which KMS.2 judges.",
}
"""Controls that judge nothing, because nothing of the kind is declared."""


def declared(kind: str) -> Declared:
    return Declared(program(KINDS[kind]).resources)


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_is_met_or_explained(kind: str) -> None:
    assert list(unmet(kind, declared(kind))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_explanation_is_left_over(kind: str) -> None:
    assert list(stale(kind, declared(kind))) == []


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_looks_at_something(control: Control) -> None:
    """A control whose resources have another type by now would be met for ever."""
    seen = sum(control.looked_at(declared(kind)) for kind in KINDS)
    assert (seen == 0) == (control.id in ABSENT)

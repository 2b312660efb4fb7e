"""All controls, and those that are not met: where, and why."""

from __future__ import annotations

from collections.abc import Iterator

from infra.policy import compute, data, identity, network, storage
from infra.policy.control import Control, Declared
from infra.policy.exemptions import EXEMPTIONS

CONTROLS: tuple[Control, ...] = (
    *data.CONTROLS,
    *compute.CONTROLS,
    *network.CONTROLS,
    *storage.CONTROLS,
    *identity.CONTROLS,
)


def exempt(control: str, kind: str) -> str:
    """Why a control is not met in a kind of stack; empty where it is to be met."""
    return next((each.reason for each in EXEMPTIONS if each.control == control and kind in each.kinds), "")


def unmet(kind: str, declared: Declared) -> Iterator[str]:
    """What a kind of stack does not keep and nobody has explained."""
    for control in CONTROLS:
        if not exempt(control.id, kind):
            yield from control.problems(declared)


def stale(kind: str, declared: Declared) -> Iterator[str]:
    """Exemptions that a kind of stack doesn't need any more."""
    for control in CONTROLS:
        if exempt(control.id, kind) and not control.problems(declared):
            yield control.id

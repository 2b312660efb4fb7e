"""All controls, and those that are not met: where, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.policy import compute, data, identity, network, storage
from infra.policy.control import Control, Declared

CONTROLS: tuple[Control, ...] = (
    *data.CONTROLS,
    *compute.CONTROLS,
    *network.CONTROLS,
    *storage.CONTROLS,
    *identity.CONTROLS,
)
EVERYWHERE = ("production", "staging", "preview-base", "pr")
"""The kinds of stacks on AWS."""


@dataclass(frozen=True)
class Exception_:
    """A control that is not met in some kinds of stacks, with the reason."""

    control: str
    stacks: tuple[str, ...]
    reason: str


EXCEPTIONS: tuple[Exception_, ...] = ()


def excepted(control: str, stack: str) -> str:
    """Why a control is not met in a kind of stack; empty where it is to be met."""
    return next((each.reason for each in EXCEPTIONS if each.control == control and stack in each.stacks), "")


def unmet(stack: str, declared: Declared) -> Iterator[str]:
    """What a stack does not keep and nobody has explained."""
    for control in CONTROLS:
        if not excepted(control.id, stack):
            yield from control.problems(declared)


def stale(stack: str, declared: Declared) -> Iterator[str]:
    """Exceptions that a stack doesn't need any more."""
    for control in CONTROLS:
        if excepted(control.id, stack) and not control.problems(declared):
            yield control.id

"""What a resource type needs of AWS to be made, read, changed and removed: actions, and on what."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["named", "global", "tagged", "regional"]
"""``named``: on what is called as the stack's things are; ``global``: the same in no region. ``tagged``: on what
carries the stack's tag, and requests that give it. ``regional``: in the stack's region, for actions that AWS limits in
no other way."""


@dataclass(frozen=True)
class Needs:
    """``actions`` without the service's name. ``resources``: the ends of ARNs; ``{name}`` stands for the beginning of
    the stack's names, ``{stack}`` for the stack's own."""

    service: str
    scope: Scope
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)


def named(service: str, actions: str, *resources: str) -> Needs:
    """Actions, with spaces between them, on the ends of ARNs."""
    return Needs(service, "named", tuple(actions.split()), resources)


def tagged(service: str, actions: str) -> Needs:
    """Actions on what has the stack's tag."""
    return Needs(service, "tagged", tuple(actions.split()))


def regional(service: str, actions: str) -> Needs:
    """Actions in the stack's region."""
    return Needs(service, "regional", tuple(actions.split()))

"""What every resource of the plugin is: typed inputs, typed state, five effects.

A resource says only what is particular to it. Checking types, comparing, previewing and marshalling happen here and in
:mod:`infra.provider.plugin`, so that they are the same for all.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from infra.provider.marshal import Dataclass, fields_of

I = TypeVar("I", bound=Dataclass)  # noqa: E741 (I is the field's usual name for inputs)
S = TypeVar("S", bound=Dataclass)


class Resource(ABC, Generic[I, S]):
    """A type of resource. ``S`` (the state) repeats the fields of ``I`` (the inputs) and adds what the effects found
    out.

    Every method may block: the plugin runs it off the event loop. A method raises :class:`infra.errors.UserError`
    with a sentence for people; anything else is a defect of ours and is shown with its traceback.
    """

    inputs: ClassVar[type[Any]]
    state: ClassVar[type[Any]]
    replaces: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose change makes a new instance beside the old one, instead of an update in place."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose change alone is no change."""

    determines: ClassVar[frozenset[tuple[str, str]]] = frozenset()
    """An input and a computed property that changes with it: a preview says of that one that it is known only after the
    update, so that what depends on it is previewed as well."""

    def check(self, inputs: I) -> Mapping[str, str]:
        """Reasons to refuse the inputs, by property. Called only when all of them are known and of the right type."""
        return {}

    @abstractmethod
    def create(self, inputs: I) -> tuple[str, S]:
        """Make it and return its id and state. Leaves nothing behind when it raises."""

    def read(self, id: str, state: S) -> S | None:
        """What is really there: the state with what has changed, or None when it is gone."""
        return state

    def update(self, id: str, state: S, inputs: I) -> S:
        """Bring it to ``inputs``, and back to health where :meth:`read` found it wanting."""
        raise AssertionError(f"{type(self).__name__} is only ever replaced")

    def delete(self, id: str, state: S) -> None:
        """Remove it. Must succeed when it is half there or already gone."""

    def drift(self, state: S) -> frozenset[str]:
        """The computed properties of ``state`` that say it needs an update although its inputs are unchanged."""
        return frozenset({"running"}) if getattr(state, "running", True) is False else frozenset()


def extend(state_class: type[S], inputs: Dataclass, **computed: Any) -> S:
    """A state: the inputs' fields and the computed ones."""
    repeated = {name: getattr(inputs, name) for name in fields_of(type(inputs)) if name in fields_of(state_class)}
    return state_class(**{**repeated, **computed})


def replace(state: S, **changes: Any) -> S:
    """The state with some fields changed."""
    return dataclasses.replace(state, **changes)

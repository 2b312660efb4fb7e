"""A secret value that cannot be printed by accident."""

from __future__ import annotations


class Secret:
    """Holds a secret string; only `reveal()` gives it back, every other view of it is redacted."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one place that must send it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(**********)"

    __str__ = __repr__

"""Keeps secrets out of what people are shown: the output and log lines that an error quotes."""

from collections.abc import Iterable, Mapping

_SECRET_NAMES = ("KEY", "KEYS", "PASSWORD", "SECRET", "TOKEN", "TOKEN_PREVIOUS")
_SHORTEST = 6
"""A shorter value is no secret of ours, and replacing it would garble the text."""


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the environment variables whose names say that they are secret; of a list (``…KEYS``), each."""
    found = {name: value for name, value in environment.items() if name.endswith(_SECRET_NAMES)}
    return tuple(
        part for name, value in found.items() for part in (value.split(",") if name.endswith("KEYS") else [value])
    )


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret replaced by ``[secret]``."""
    for value in sorted(set(secrets), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "[secret]")
    return text

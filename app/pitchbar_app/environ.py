"""Reads environment variables, collecting every problem so that all of them are told at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from pitchbar_app.secret import Secret

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class SettingsError(Exception):
    """One or more environment variables are missing or malformed; the text has one sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = tuple(problems)


class Reader:
    """Takes typed values out of the environment; `check()` raises when any of them was refused."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []
        self.secrets: list[Secret] = []

    def check(self) -> None:
        """Raise one `SettingsError` that names every problem found so far."""
        if self._problems:
            raise SettingsError(self._problems)

    def text(self, name: str, default: str | None = None) -> str:
        """A non-empty string; without a default the variable must be set."""
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._problems.append(f"{name} is not set: set it to a value that is not empty.")
            return ""
        return default

    def secret(self, name: str, *, optional: bool = False) -> Secret:
        """A secret; the value never appears in a problem's sentence."""
        value = Secret(self.text(name, "" if optional else None))
        self.secrets.append(value)
        return value

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from low to high."""
        value = self.text(name, None if default is None else str(default))
        if not value:
            return low
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            self._problems.append(f"{name} is {value!r}: it must be a whole number from {low} to {high}.")
            return low
        return int(value)

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value and value not in choices:
            self._problems.append(f"{name} is {value!r}: it must be one of {', '.join(choices)}.")
        return value

    def url(self, name: str) -> str:
        """An http or https address."""
        value = self.text(name)
        if value and not re.fullmatch(r"https?://[^\s/?#@\"'<>\\]+(/[^\s\"'<>\\]*)?", value):
            self._problems.append(f"{name} is {value!r}: it must be an address that starts with http:// or https://.")
        return value

    def name(self, name: str, default: str | None = None) -> str:
        """A short name made of letters, digits and `. _ : -`."""
        value = self.text(name, default)
        if value and not NAME.fullmatch(value):
            self._problems.append(f"{name} is {value!r}: it must be a name of letters, digits and . _ : - only.")
        return value

    def names(self, name: str, default: str) -> tuple[str, ...]:
        """A comma-separated list of different names, in order."""
        values = tuple(part.strip() for part in self.text(name, default).split(","))
        if len(set(values)) != len(values) or not all(NAME.fullmatch(value) for value in values):
            self._problems.append(
                f"{name} is {','.join(values)!r}: it must be different names with commas between them, "
                f"for example {default}."
            )
        return values

    def networks(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of IP addresses and networks, or `*` for all of them, which is the default."""
        values = tuple(part.strip() for part in self.text(name, "*").split(","))
        if values != ("*",) and not all(_is_network(value) for value in values):
            self._problems.append(
                f"{name} is {','.join(values)!r}: it must be IP addresses and networks with commas between them, for "
                "example 10.0.0.0/8,192.0.2.1, or * for every peer."
            )
        return values

    def numbers(self, name: str, default: str, count: int) -> tuple[int, ...]:
        """A comma-separated list of that many whole numbers."""
        text = self.text(name, default)
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != count or not all(re.fullmatch(r"\d{1,6}", part) for part in parts):
            self._problems.append(f"{name} is {text!r}: it must be {count} whole numbers, for example {default}.")
            return ()
        return tuple(int(part) for part in parts)

    def keys(self, name: str) -> tuple[Secret, ...]:
        """A comma-separated list of secrets, which may be empty."""
        values = tuple(Secret(part.strip()) for part in self.text(name, "").split(",") if part.strip())
        self.secrets.extend(values)
        return values


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True

"""The kinds of values that facts are made of: each knows its own spelling, limits and JSON Schema, and nothing else.

A kind reads the text of a value and answers with the value, or with a `Refusal` that says the rule and the fix.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOST_PLACEHOLDERS = {"domain": "example.com", "stack": "pr-1"}
COMMAND_PLACEHOLDERS = ("listen", "host", "port", "queues")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Refusal:
    """Why a value is refused: the rule that it breaks and what to write instead."""

    rule: str
    fix: str


@dataclass(frozen=True)
class Quantity:
    """A whole number with its unit in the same word, such as `2GB`; the value is a count of the smallest unit."""

    noun: str
    units: tuple[tuple[str, int], ...]
    usual: str
    typical: int
    at_least: int
    at_most: int
    bulk: int = 1  # how many of a larger unit it takes to be spelt with it: 120s, but 10m

    def read(self, text: str) -> int | Refusal:
        """Read a quantity, for example `2GB` as 2048."""
        known = dict(self.units)
        rule = f"A {self.noun} is a whole number and its unit ({any_of(tuple(known))}) in one word"
        match = re.fullmatch(r"([+-]?[0-9]{1,18}) *([A-Za-z%]*)", text.strip())
        unit = self._meant(*match.groups()) if match else None
        if not match or not unit:
            return Refusal(rule, f"Write it like {self.example}")
        if text != f"{match[1]}{unit}":
            return Refusal(
                rule, f"Write {int(match[1])}{unit}" if int(match[1]) > 0 else f"Write it like {self.example}"
            )
        return self._within(int(match[1]) * known[unit])

    def _meant(self, number: str, written: str) -> str | None:
        """Give the unit that was meant: the one with the same first letter, or one that makes a bare number fit."""
        if written:
            return next((unit for unit, _ in self.units if unit[0].lower() == written[0].lower()), None)
        fitting = [u for u, factor in self.units if self.at_least <= int(number) * factor <= self.at_most]
        return self.usual if self.usual in fitting or not fitting else fitting[0]

    def _within(self, value: int) -> int | Refusal:
        if value < self.at_least:
            return Refusal(f"The smallest {self.noun} here is {self.show(self.at_least)}", "Raise it")
        if value > self.at_most:
            return Refusal(f"The largest {self.noun} here is {self.show(self.at_most)}", "Lower it")
        return value

    @property
    def example(self) -> str:
        """A value that is accepted."""
        return self.show(min(max(self.typical, self.at_least), self.at_most))

    def show(self, value: int) -> str:
        """Spell `value` with the largest unit that divides it."""
        fitting = ((u, f) for u, f in reversed(self.units) if f == 1 or (value >= f * self.bulk and value % f == 0))
        unit, factor = next(fitting)
        return f"{value // factor}{unit}"

    def schema(self) -> dict[str, Any]:
        """Describe the spelling; the limits are the loader's."""
        names = "|".join(name for name, _ in self.units)
        return {"type": "string", "pattern": f"^[0-9]+({names})$", "examples": [self.example]}


def size(at_least: int, at_most: int) -> Quantity:
    """Memory or disk between two limits in MB; 1GB is 1024MB, as the clouds count."""
    return Quantity("size", (("MB", 1), ("GB", 1024), ("TB", 1024 * 1024)), "GB", 2048, at_least, at_most)


def duration(at_least: int, at_most: int) -> Quantity:
    """A time span between two limits in seconds."""
    return Quantity("duration", (("s", 1), ("m", 60), ("h", 3600)), "s", 30, at_least, at_most, bulk=5)


def days(at_least: int, at_most: int) -> Quantity:
    """A number of days between two limits."""
    return Quantity("retention", (("d", 1),), "d", 30, at_least, at_most)


def percent(at_least: int, at_most: int) -> Quantity:
    """A share in per cent between two limits."""
    return Quantity("percentage", (("%", 1),), "%", 60, at_least, at_most)


@dataclass(frozen=True)
class Cpus:
    """Virtual CPUs in steps of a quarter, such as `0.5vCPU`."""

    at_most: int
    example: str = "2vCPU"

    def read(self, text: str) -> float | Refusal:
        """Read `2vCPU` as 2.0."""
        rule = "Processor power is a number and its unit (vCPU) in one word, in steps of 0.25vCPU"
        match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]+)?) *([A-Za-z]*)", text.strip())
        if not match or match[2].lower() not in ("", "vcpu", "vcpus", "cpu", "cpus"):
            return Refusal(rule, f"Write it like {self.example}")
        count = float(match[1])
        if (count * 4) % 1:
            return Refusal(rule, f"Write {self.show(-(-count * 4 // 1) / 4)}")
        if not 0 < count <= self.at_most:
            return Refusal(f"It is at least 0.25vCPU and at most {self.at_most}vCPU", f"Write it like {self.example}")
        return count if text == f"{match[1]}vCPU" else Refusal(rule, f"Write {self.show(count)}")

    def show(self, value: float) -> str:
        """Spell `value` with its unit."""
        return f"{value:g}vCPU"

    def schema(self) -> dict[str, Any]:
        """Describe the spelling; the limits are the loader's."""
        return {"type": "string", "pattern": r"^[0-9]+(\.(0|25|5|50|75))?vCPU$", "examples": [self.example]}


@dataclass(frozen=True)
class Number:
    """A plain whole number, for counts, ports and major versions."""

    at_least: int
    at_most: int

    def read(self, value: int) -> int | Refusal:
        """Check the limits; that it is a number is the reader's to see."""
        if self.at_least <= value <= self.at_most:
            return value
        if self.at_least == self.at_most:
            return Refusal(f"Only {self.at_least} is supported", f"Write {self.at_least}")
        return Refusal(f"It is a whole number from {self.at_least} to {self.at_most}", "Choose one of those")

    def show(self, value: int) -> str:
        """Spell `value`."""
        return str(value)

    def schema(self) -> dict[str, Any]:
        """Describe the type and the limits."""
        return {"type": "integer", "minimum": self.at_least, "maximum": self.at_most}


@dataclass(frozen=True)
class Text:
    """One line of text that follows a pattern."""

    rule: str
    pattern: str
    example: str

    def read(self, text: str) -> str | Refusal:
        """Accept what matches the whole pattern."""
        return text if re.fullmatch(self.pattern, text) else Refusal(self.rule, f"Write it like {self.example}")

    def show(self, value: str) -> str:
        """Spell `value`."""
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "examples": [self.example]}


@dataclass(frozen=True)
class Argument:
    """One word of a command line; `{listen}`, `{host}`, `{port}` and `{queues}` stand for what is known later."""

    example: str = "python"

    def read(self, text: str) -> str | Refusal:
        """Accept any text without unknown placeholders."""
        if not text:
            return Refusal("A word of a command is not empty", "Remove it")
        unknown = [name for name in _PLACEHOLDER.findall(text) if name not in COMMAND_PLACEHOLDERS]
        names = tuple(f"{{{name}}}" for name in COMMAND_PLACEHOLDERS)
        return Refusal(f"The placeholders of a command are {all_of(names)}", "Use one of those") if unknown else text

    def show(self, value: str) -> str:
        """Spell `value`."""
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the type."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Host:
    """A host name in which `{domain}` and `{stack}` stand for what the stack's configuration says."""

    example: str = "app.{domain}"

    def read(self, text: str) -> str | Refusal:
        """Accept a host name with or without placeholders."""
        names = " and ".join(f"{{{name}}}" for name in HOST_PLACEHOLDERS)
        if any(name not in HOST_PLACEHOLDERS for name in _PLACEHOLDER.findall(text)):
            return Refusal(f"The placeholders of a host name are {names}", "Use one of those")
        if is_host(fill(text, HOST_PLACEHOLDERS)):
            return text
        rule = "A host name has lower-case letters, digits and hyphens between dots, and no scheme, port or path"
        plain = re.sub(r"^[a-z]+://|[:/][^{}]*$", "", text.lower())
        return Refusal(rule, f"Write {plain if is_host(fill(plain, HOST_PLACEHOLDERS)) else f'it like {self.example}'}")

    def show(self, value: str) -> str:
        """Spell `value`."""
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the characters; the rest is the loader's."""
        return {"type": "string", "pattern": r"^([a-z0-9.-]|\{domain\}|\{stack\})+$", "examples": [self.example]}


@dataclass(frozen=True)
class PrivateNetwork:
    """A block of private IPv4 addresses that one environment has for itself: a /16, which its subnets are cut from."""

    example: str = "10.20.0.0/16"

    def read(self, text: str) -> str | Refusal:
        """Accept a whole /16 of RFC 1918's addresses."""
        rule = "A network is a /16 of private addresses (10.0.0.0 to 10.255.0.0, or 172.16.0.0 to 172.31.0.0)"
        try:
            network = ipaddress.IPv4Network(text, strict=False)
        except ValueError:
            return Refusal(rule, f"Write it like {self.example}")
        if network.prefixlen != 16 or not (network.is_private and text[:3] in ("10.", "172")):
            return Refusal(rule, f"Write it like {self.example}")
        return text if str(network) == text else Refusal(f"{rule}, named by its first address", f"Write {network}")

    def show(self, value: str) -> str:
        """Spell `value`."""
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the form; the rest is the loader's."""
        return {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.0\.0/16$", "examples": [self.example]}


Kind = Quantity | Cpus | Number | Text | Argument | Host | PrivateNetwork


def fill(template: str, values: dict[str, str]) -> str:
    """Put `values` in the place of their `{names}`; other braces stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def is_host(text: str) -> bool:
    """Tell whether `text` is a host name of at most 253 characters, and no address."""
    labels = text.split(".")
    return len(text) <= 253 and all(HOST_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def any_of(names: tuple[str, ...]) -> str:
    """Join names as a person would: `MB, GB or TB`."""
    return _joined(names, "or")


def all_of(names: tuple[str, ...]) -> str:
    """Join names as a person would: `app, worker and realtime`."""
    return _joined(names, "and")


def _joined(names: tuple[str, ...], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"

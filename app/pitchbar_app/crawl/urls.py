"""Addresses of pages in one form each, so that one page is not crawled twice."""

from __future__ import annotations

import re
from posixpath import normpath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

LONGEST = 2000
_TRACKING = re.compile(r"(?:utm_[a-z]+|gclid|fbclid|msclkid|mc_eid)(?:=|$)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?\.?|\[[0-9a-f:.]+\]")
_PORTS = {"http": 80, "https": 443}
_UNRESERVED = re.compile(r"%([0-9a-fA-F]{2})")


class Malformed(ValueError):
    """The text is not an address that can be crawled; it says why."""


def normalise(text: str, base: str | None = None) -> str:
    """The address in its one form; a relative one is completed from `base`. Raises `Malformed`."""
    text = text.strip()
    if len(text) > LONGEST or re.search(r"[\x00-\x20\x7f<>\"\\]", text.replace(" ", "%20")):
        raise Malformed("The address is too long, or has characters that an address cannot have.")
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        host, port = _host(parts), parts.port
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed("This is not an address that starts with http:// or https://.") from error
    if port is not None and port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    url = urlunsplit((parts.scheme, host, _path(parts.path), _query(parts.query), ""))
    if len(url) > LONGEST:
        raise Malformed("The address is too long.")
    return url


def host_of(url: str) -> str:
    """The host, with its port, of an address that `normalise` made."""
    return urlsplit(url).netloc


def origin_of(url: str) -> str:
    """The scheme and host of an address that `normalise` made."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(parts: SplitResult) -> str:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not http")
    if parts.username is not None or parts.password is not None:
        raise Malformed("The address has a user name or password in it; take it out.")
    host = parts.hostname
    if ":" in host:
        return f"[{host}]"
    try:
        host = _spelt(host).encode("idna").decode().lower().rstrip(".")
    except UnicodeError as error:
        raise ValueError("not a host") from error
    if not _HOST.fullmatch(host):
        raise ValueError("not a host")
    return host


def _spelt(host: str) -> str:
    """A name as browsers spell it (UTS 46): with ß as a letter of its own, where older rules make another name of it.

    What those rules do not know, such as emoji, stays as it is.
    """
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def _path(path: str) -> str:
    path = _UNRESERVED.sub(_decode, path)
    clean = normpath("/" + path.lstrip("/")) if path else "/"
    if path.endswith(("/", "/.", "/..")) and clean != "/":
        clean += "/"
    return quote(clean, safe="/%:@!$&'()*+,;=~-._")


def _query(query: str) -> str:
    kept = [part for part in query.split("&") if part and not _TRACKING.match(unquote(part))]
    return quote("&".join(kept), safe="/%:@!$&'()*+,;=~-._?")


def _decode(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if re.fullmatch(r"[A-Za-z0-9~._-]", character) else match[0].upper()

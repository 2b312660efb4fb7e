"""What the bytes of a page say, read as browsers read them.

A byte order mark counts first, then the response's header, then what the page says of itself, each by the WHATWG's
meaning of the name: who writes `iso-8859-1` means windows-1252. Without any of them it is UTF-8 where that fits.
"""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_PAGE = re.compile(
    rb"<meta\b[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})|^\s*<\?xml\b[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{1,40})",
    re.IGNORECASE,
)
FAR = 2048
"""How far into a page its own word is looked for."""
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "utf-16": "utf-16-le",
}
_OF_PAGES = re.compile(
    r"utf-(?:8|16-[bl]e)|iso8859-\d+|cp(?:125\d|866|874|932|949)|koi8-[ru]|gb18030|big5|euc_jp|iso2022_jp"
)


def decode(body: bytes, content_type: str) -> str:
    """The text of a page; bytes that mean nothing become replacement characters."""
    for mark, marked in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(marked, "replace")
    told = _HEADER.search(content_type)
    name = _codec(told[1]) if told else None
    if name is None and (own := _PAGE.search(body[:FAR])):
        name = _codec((own[1] or own[2]).decode("ascii", "replace"))
        # Whoever could read that the page is UTF-16 has read it as something else.
        name = "utf-8" if name and name.startswith("utf-16") else name
    if name is not None:
        return body.decode(name, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _codec(label: str) -> str | None:
    """Python's codec for a name as pages have it; None for what no browser knows."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if _OF_PAGES.fullmatch(name) else None

"""Which part of a file is asked for (RFC 9110, sections 13 and 14): pure."""

import re
from dataclasses import dataclass

from edged.web.server.asgi import Refused, Scope, header

_RANGE = re.compile(rb"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` up to, not including, `end`; `whole` when no range was asked for."""

    start: int
    end: int
    whole: bool


def asked_part(scope: Scope, *, size: int, etag: bytes) -> Part:
    """The part to send of a file of `size` bytes.

    One range is honoured; several, or words that are no range, get the whole file, as the standard allows.
    So does a range of another version (If-Range). Raises Refused(416) for a range outside the file.
    """
    whole = Part(0, size, whole=True)
    value = header(scope, b"range")
    if value is None:
        return whole
    condition = header(scope, b"if-range")
    if condition is not None and condition != etag:
        return whole
    match = _RANGE.fullmatch(value.strip())
    if match is None or match.groups() == (b"", b""):
        return whole
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return whole
    if start >= end:
        raise Refused(416, headers=[(b"content-range", b"bytes */%d" % size)])
    return Part(start, end, whole=False)


def unchanged(scope: Scope, etag: bytes) -> bool:
    """Whether the asker has this version already (If-None-Match)."""
    known = header(scope, b"if-none-match")
    if known is None:
        return False
    return known.strip() == b"*" or etag in (tag.strip().removeprefix(b"W/") for tag in known.split(b","))

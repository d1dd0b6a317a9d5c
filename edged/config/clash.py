"""Which key a document sets twice: tomli says where it noticed, but not which key, nor where the first is."""

from typing import NamedTuple

from edged.config import toml
from edged.config.lines import last_key


class Clash(NamedTuple):
    """The line (from 1) of the later one, and words that name the key and the earlier line."""

    line: int
    words: str


def clash(text: str, complaint: str, line: int, column: int) -> Clash | None:
    """What tomli's `complaint` at this place is about; None when it is not about a key that is there already.

    `line` 0 is the end of the document.
    """
    inline = complaint.startswith("Duplicate inline table key")
    if not (inline or complaint.startswith("Cannot ")):
        return None
    found = last_key(text[: _end(text, line, column, whole_line=not inline)])
    if found is None:
        return None
    key = toml.short_key(found.path)
    if found.earlier == found.path:
        return Clash(found.line, f"{key}: stands in line {found.earlier_line} already; keep one of them")
    other = toml.short_key(found.earlier)
    return Clash(
        found.line, f"{key}: does not go with {other} in line {found.earlier_line}; keep one of them"
    )


def _end(text: str, line: int, column: int, *, whole_line: bool) -> int:
    if not line:
        return len(text)
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
    if not whole_line:
        return at + column - 1
    end = text.find("\n", at)
    return len(text) if end < 0 else end

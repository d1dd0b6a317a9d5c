"""Keys and values as TOML text, in one line: for `dump`, for the shipped file and for what is said of
mistakes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
MOST_NAME = 80
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def string(text: str) -> str:
    """A basic string.

    What cannot be printed is escaped, so that it is one line and harmless on a terminal.
    """
    return '"' + "".join(_SHORT.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def key(path: Iterable[str | int]) -> str:
    """A dotted key; numbers are places in an array: `web.listen[0]`."""
    text = ""
    for name in path:
        if isinstance(name, int):
            text += f"[{name}]"
        else:
            text += ("." if text else "") + (name if _BARE.fullmatch(name) else string(name))
    return text


def short_key(path: Iterable[str | int]) -> str:
    """A key in a message, each name cut when long: one long name would stand in many messages."""
    return key(name[:MOST_NAME] if isinstance(name, str) else name for name in path)


def value(of: Any) -> str:
    """A value; dates and the like come out as they are written in TOML."""
    match of:
        case bool():
            return "true" if of else "false"
        case str():
            return string(of)
        case Mapping():
            return (
                "{ " + ", ".join(f"{key((name,))} = {value(item)}" for name, item in of.items()) + " }"
                if of
                else "{}"
            )
        case list() | tuple():
            return "[" + ", ".join(value(item) for item in of) + "]"
        case int():
            return str(of) if abs(of) < 10**100 else "a number of more than 100 digits"
        case _:
            return str(of)


def shown(of: Any, most: int = 60) -> str:
    """A value in a message: cut when long. Bounded work however large the value."""
    if isinstance(of, str) and len(of) > most:
        return string(of[:most]) + "…"
    if isinstance(of, Mapping):
        return "a table"
    if isinstance(of, list | tuple):
        of = of[:most]
        if any(isinstance(item, list | Mapping) for item in of):
            return "a list"
        text = "[" + ", ".join(shown(item, most) for item in of) + "]"
    else:
        text = value(of)
    return text if len(text) <= most + 2 else text[:most] + "…"


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"

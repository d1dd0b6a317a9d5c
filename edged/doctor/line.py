"""What a checkup finds: a line for each thing that was looked at."""

from collections.abc import Iterable
from typing import Literal

import msgspec

LineStatus = Literal["ok", "warn", "fail"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing: how it is, and what to do when it is not well. `id` is stable ("settings", "ports:web")."""

    id: str
    status: LineStatus
    what: str
    remedy: str = ""


def ok(id_: str, what: str) -> Line:
    """It is well."""
    return Line(id=id_, status="ok", what=what)


def warn(id_: str, what: str, remedy: str) -> Line:
    """Something is missing or impaired; the box does its work."""
    return Line(id=id_, status="warn", what=what, remedy=remedy)


def fail(id_: str, what: str, remedy: str) -> Line:
    """The box cannot do its work."""
    return Line(id=id_, status="fail", what=what, remedy=remedy)


def is_well(lines: Iterable[Line]) -> bool:
    """Whether nothing has failed."""
    return all(line.status != "fail" for line in lines)

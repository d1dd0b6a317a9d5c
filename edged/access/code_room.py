"""How many access codes there may be, and which ended ones make room for a new one. Pure."""

from collections.abc import Iterable

from edged.access.code_shelf import Entry
from edged.errors import AccessError

MOST_CODES, MOST_OF_ONE = 2000, 200


def to_forget(entries: Iterable[Entry], owner: str) -> tuple[Entry, ...]:
    """The ended codes to forget for a new one of `owner`, those that ended first before others.

    Raises AccessError when there are too many that have not ended.
    """
    entries = tuple(entries)
    dropped: dict[str, Entry] = {}
    for these, most in (
        ([entry for entry in entries if entry.code.owner == owner], MOST_OF_ONE),
        (entries, MOST_CODES),
    ):
        left = [entry for entry in these if entry.code.id not in dropped]
        over = len(left) + 1 - most
        ended = sorted(filter(_has_ended, left), key=_ended_at)
        if over > len(ended):
            raise AccessError(f"There are {most} access codes already. Revoke some that nobody needs.")
        dropped |= {entry.code.id: entry for entry in ended[: max(0, over)]}
    return tuple(dropped.values())


def _has_ended(entry: Entry) -> bool:
    return entry.code.ended_at is not None or entry.code.revoked_at is not None


def _ended_at(entry: Entry) -> float:
    return max(entry.code.ended_at or 0.0, entry.code.revoked_at or 0.0)

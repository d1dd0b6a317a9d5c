"""What could not be deleted: left alone for a while, and told for as long as it stands in the way."""

from collections.abc import Callable, Container
from dataclasses import dataclass

from edged.recordings.delete import Refusal
from edged.recordings.retention import Key, key_of
from edged.recordings.segment import SegmentView

# What could not be deleted is left alone for so long (seconds): it was being written, or somebody has to act.
SHORT_REST, LASTING_REST = 10.0, 120.0
# A file at which the disk fails so often in a row, while the disk itself proves well, is itself at fault.
MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class _Rest:
    bytes: int
    until: float
    why: str  # "" when it passes by itself


class Spared:
    """Segments that were refused, by their keys. `now` is in seconds of any steady clock."""

    def __init__(self) -> None:
        self._rests: dict[Key, _Rest] = {}
        self._failing: tuple[Key, int] | None = None

    def but(self, now: float) -> dict[Key, int]:
        """What is not to be tried now, and its bytes."""
        return {key: rest.bytes for key, rest in self._rests.items() if rest.until > now}

    @property
    def reasons(self) -> dict[str, str]:
        """Why somebody has to act, by path in the tree."""
        return {"/".join(key): rest.why for key, rest in self._rests.items() if rest.why}

    def refuse(self, segment: SegmentView, refusal: Refusal, now: float) -> bool:
        """Leave this one alone for a while; True when a person should be told for the first time."""
        key = key_of(segment)
        before = self._rests.get(key)
        why = refusal.why if refusal.lasting else ""
        rest = LASTING_REST if refusal.lasting else SHORT_REST
        self._rests[key] = _Rest(segment.bytes, now + rest, why)
        return bool(why) and (before is None or before.why != why)

    def fail(self, segment: SegmentView) -> bool:
        """The disk failed at this file and proves well all the same; True when the file is to be blamed."""
        key = key_of(segment)
        failed = self._failing[1] + 1 if self._failing is not None and self._failing[0] == key else 1
        self._failing = None if failed >= MOST_FAILURES else (key, failed)
        return failed >= MOST_FAILURES

    def free(self, segment: SegmentView) -> None:
        """This one is gone."""
        self._rests.pop(key_of(segment), None)

    def tidy(self, now: float, exists: Callable[[Key], bool], untried: Container[Key]) -> None:
        """Forget what is gone, and what has rested and is not to be deleted any more.

        `untried`: what is still to be tried again, and stays told until then.
        """
        self._rests = {
            key: rest
            for key, rest in self._rests.items()
            if (rest.until > now or key in untried) and exists(key)
        }

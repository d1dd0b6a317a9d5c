"""What could not be deleted: left alone for a while, and told for as long as it stands in the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from edged.recordings.delete import Refusal
from edged.recordings.retention import Key, key_of
from edged.recordings.segment import SegmentView

# What could not be deleted is left alone for so long (seconds): it was being written, or somebody has to act.
SHORT_REST, LASTING_REST = 10.0, 120.0
# Where the disk fails again, each rest is twice as long as the one before, up to this (seconds).
LONGEST_REST = 3600.0
# What could not be deleted stays told for so long after its rest while no rule wants it gone (seconds).
TOLD_ON = 3600.0
# A file at which the disk fails so often, while the disk itself proves well, is itself at fault; a folder
# with so many of them is at fault as a whole.
MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class _Rest:
    bytes: int
    until: float
    why: str  # "" when it passes by itself
    linked: bool = False


@dataclass(slots=True)
class _Failure:
    times: int = 0  # since it last rested
    rests: int = 0


class Spared:
    """Segments and days that were refused, by their keys. `now` is in seconds of any steady clock."""

    def __init__(self) -> None:
        self._rests: dict[Key, _Rest] = {}
        self._failures: dict[Key, _Failure] = {}

    def but(self, now: float) -> dict[Key, int]:
        """What is not to be tried now, and its bytes: 0 for a whole day, whose key has no name."""
        resting = {key: rest.bytes for key, rest in self._rests.items() if rest.until > now}
        return {key: size for key, size in resting.items() if not key[2] or _day(key) not in resting}

    @property
    def reasons(self) -> dict[str, str]:
        """Why somebody has to act, by path in the tree."""
        told = ((key, rest) for key, rest in self._rests.items() if not rest.linked)
        return {_path(key): rest.why for key, rest in told if rest.why}

    @property
    def linked(self) -> list[str]:
        """What has other names and was left alone when room was to be made, by path in the tree."""
        return [_path(key) for key, rest in self._rests.items() if rest.linked]

    def linked_now(self, now: float) -> int:
        """How many of these are not to be tried now."""
        return sum(rest.linked and rest.until > now for rest in self._rests.values())

    def refuse(self, segment: SegmentView, refusal: Refusal, now: float) -> bool:
        """Leave this one alone for a while; True when a person should be told for the first time."""
        key = _blamed(segment, refusal)
        before = self._rests.get(key)
        why = refusal.why if refusal.lasting else ""
        rest = LASTING_REST if refusal.lasting else SHORT_REST
        self._rest(key, segment, now + rest, why, linked=refusal.linked)
        return bool(why) and (before is None or before.why != why)

    def is_new(self, segment: SegmentView, refusal: Refusal) -> bool:
        """Whether the disk fails here for the first time."""
        key = _blamed(segment, refusal)
        known = key in self._failures
        self._failures.setdefault(key, _Failure())
        return not known

    def fail(self, segment: SegmentView, refusal: Refusal, now: float) -> bool:
        """The disk failed here and proves well all the same; True when a file or a day is blamed now.

        A folder that cannot be looked into is blamed at once, a file when this happens time and again.
        """
        key = _blamed(segment, refusal)
        failure = self._failures.setdefault(key, _Failure())
        failure.times += 1
        if key[2] and not failure.rests and failure.times < MOST_FAILURES:
            return False
        # Files rest longer than their day, so that after its rest others of it are tried first.
        rest = LASTING_REST * 2 ** (failure.rests + bool(key[2]))
        self._rest(key, segment, now + min(rest, LONGEST_REST), refusal.why)
        failure.times, failure.rests = 0, min(failure.rests + 1, 10)
        if key[2] and self._blamed_files(_day(key)) >= MOST_FAILURES:
            self.fail(segment, replace(refusal, folder=True), now)
        return True

    def free(self, segment: SegmentView) -> None:
        """This one is gone, and its folder let it go."""
        for key in (key_of(segment), _day(key_of(segment))):
            self._rests.pop(key, None)
            self._failures.pop(key, None)

    def tidy(self, now: float, exists: Callable[[Key], bool]) -> None:
        """Forget what is gone, and what has rested and is not to be deleted any more.

        Where somebody has to act it stays told for a while: it may have to go again soon, as on a disk that
        is full but for a moment.
        """
        self._rests = {
            key: rest
            for key, rest in self._rests.items()
            if rest.until + TOLD_ON * bool(rest.why) > now and exists(key)
        }
        self._failures = {key: failure for key, failure in self._failures.items() if exists(key)}

    def _rest(self, key: Key, segment: SegmentView, until: float, why: str, *, linked: bool = False) -> None:
        self._rests[key] = _Rest(segment.bytes if key[2] else 0, until, why, linked)

    def _blamed_files(self, day: Key) -> int:
        return sum(bool(f.rests and key[2]) for key, f in self._failures.items() if _day(key) == day)


def _blamed(segment: SegmentView, refusal: Refusal) -> Key:
    key = key_of(segment)
    return _day(key) if refusal.folder else key


def _path(key: Key) -> str:
    return "/".join(filter(None, key))


def _day(key: Key) -> Key:
    """The key of a whole day has no name."""
    return key[0], key[1], ""

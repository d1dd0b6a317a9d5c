"""All access codes in memory: found by their hash, ended at once, never revived by a clock.

Nothing here waits or touches the disk. Whoever must know that a code opens less than before (ended,
revoked, its owner lost a right) is told synchronously, before the call that did it returns.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from edged.access.changes import UserChange
from edged.access.code_record import AccessCode, as_of, guest_of
from edged.access.code_rows import KeptCode
from edged.access.subject import Item, Subject, User

logger = logging.getLogger(__name__)

Callback = Callable[[str], None]

# Root on the box may do everything; what it made by the control socket belongs to nobody else.
BOX = User(name="", role="admin")


@dataclass(slots=True)
class Entry:
    """A code in memory.

    `guest` is who comes by it, None when it opens nothing; `used_at` runs ahead of what `code` says.
    """

    words_hash: bytes
    code: AccessCode
    guest: Subject | None = None
    used_at: float | None = None

    def shown(self) -> AccessCode:
        """The code with its last use."""
        return msgspec.structs.replace(self.code, last_used_at=self.used_at)


class CodeShelf:
    """The codes and the accounts that they depend on. `clock` is UTC unix time, in seconds."""

    def __init__(
        self, kept: Iterable[KeptCode], users: Mapping[str, User], *, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._owners = {**users, BOX.name: BOX}
        self._by_hash: dict[bytes, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._callbacks: list[Callback] = []
        self.on_expired: Callable[[Entry], None] = lambda _entry: None
        """Called after a code has expired and everybody was told."""
        for each in kept:
            self.put(each)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._by_id.values()))

    def owner(self, name: str) -> User | None:
        """The account of that name as it is now, "" for root; None when there is none."""
        return self._owners.get(name)

    def find(self, words_hash: bytes) -> Entry | None:
        """The code of these words, whatever its state."""
        return self._by_hash.get(words_hash)

    def get(self, code_id: str) -> Entry | None:
        """The code with that id, whatever its state."""
        return self._by_id.get(code_id)

    def guest(self, entry: Entry | None) -> Subject | None:
        """Who comes by that code now, None when it opens nothing. Ends it when its time has come."""
        if entry is None or entry.guest is None:
            return None
        if self.is_due(entry):
            self.expire(entry)
            return None
        return entry.guest

    def is_due(self, entry: Entry) -> bool:
        """Whether the clock has reached the end of a code that has not ended yet."""
        code = entry.code
        return (
            code.expires_at is not None
            and code.ended_at is None
            and code.revoked_at is None
            and self._clock() >= code.expires_at
        )

    def next_end(self) -> float | None:
        """The earliest end of a code that has not ended yet, UTC unix time."""
        return min(
            (
                entry.code.expires_at
                for entry in self._by_id.values()
                if entry.code.expires_at is not None
                and entry.code.ended_at is None
                and entry.code.revoked_at is None
            ),
            default=None,
        )

    def expire(self, entry: Entry) -> None:
        """End a code for good: only `renew` gives it another end."""
        self._change(entry, msgspec.structs.replace(entry.code, ended_at=self._clock()))
        self.on_expired(entry)

    def revoke(self, entry: Entry) -> None:
        """End a code for ever."""
        self._change(entry, msgspec.structs.replace(entry.code, revoked_at=self._clock()))

    def put(self, kept: KeptCode) -> Entry:
        """Take a code in."""
        entry = Entry(kept.words_hash, kept.code, used_at=kept.code.last_used_at)
        self._judge(entry)
        self._by_hash[entry.words_hash] = self._by_id[entry.code.id] = entry
        return entry

    def renewed(self, entry: Entry, code: AccessCode) -> None:
        """Let a code go on with another end; one that was revoked meanwhile stays so."""
        self._change(entry, msgspec.structs.replace(code, revoked_at=entry.code.revoked_at))

    def uses_written(self, entry: Entry, used_at: float | None) -> None:
        """Note which last use of a code is on disk."""
        entry.code = msgspec.structs.replace(entry.code, last_used_at=used_at)

    def drop(self, entry: Entry) -> None:
        """Forget a code. Whoever is in by it is out."""
        self._by_hash.pop(entry.words_hash, None)
        self._by_id.pop(entry.code.id, None)
        was_open, entry.guest = entry.guest is not None, None
        if was_open:
            self._tell(entry.code.id)

    def follow(self, change: UserChange) -> None:
        """Apply what an owner may share from now on; the codes of one who is gone go, too."""
        if change.user is None:
            self._owners.pop(change.name, None)
        else:
            self._owners[change.name] = change.user
        for entry in self:
            if entry.code.owner != change.name:
                continue
            if change.user is None:
                self.drop(entry)
            else:
                self._change(entry, entry.code)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have `callback(code_id)` called, at once, when a code opens less than before. The way out."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def _change(self, entry: Entry, code: AccessCode) -> None:
        before = _opened(entry)
        entry.code = code
        self._judge(entry)
        if before - _opened(entry):
            self._tell(code.id)

    def _judge(self, entry: Entry) -> None:
        entry.code = as_of(entry.code, self._owners.get(entry.code.owner))
        entry.guest = guest_of(entry.code)

    def _tell(self, code_id: str) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(code_id)
            except Exception:
                logger.exception(
                    "an access code ended, but somebody could not be told", extra={"CODE": code_id}
                )


def _opened(entry: Entry) -> frozenset[Item]:
    return entry.guest.items if entry.guest is not None else frozenset()

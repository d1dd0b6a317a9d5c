"""What access codes open, asked from memory: nothing here waits or touches the disk."""

from collections.abc import Callable

from edged.access.audit import Audit
from edged.access.changes import UserChange
from edged.access.code_record import AccessCode
from edged.access.code_shelf import Callback, CodeShelf, Entry
from edged.access.code_tries import CodeTries
from edged.access.code_words import words_hash
from edged.access.subject import Subject
from edged.access.throttle import Throttled
from edged.errors import AccessError

REFUSED = "This access code is not valid."
# Seconds between two lines of the journal for one code from one address.
USED_AGAIN_AFTER = 900.0


class CodeQuestions:
    """Who comes by which words. `clock` is UTC unix time, `monotonic` never jumps; in seconds."""

    def __init__(
        self, *, shelf: CodeShelf, clock: Callable[[], float], monotonic: Callable[[], float], audit: Audit
    ) -> None:
        self._shelf, self._clock, self._audit = shelf, clock, audit
        self._tries = CodeTries(clock=monotonic)

    def lookup(self, words: str) -> Subject | None:
        """Who comes by these words: None for wrong, ended and revoked ones. Memory only, unthrottled."""
        entry = self._shelf.find(words_hash(words)) if 0 < len(words) <= 200 else None
        return self._used(entry)

    def attempt(self, words: str, address: str) -> Subject:
        """Who comes by these words, for who may be a stranger: guessing is slowed down by address.

        Raises AccessError (one text for all that opens nothing), Throttled.
        """
        words = words[:200]
        hashed = words_hash(words)
        entry = self._shelf.find(hashed)
        guest = self._used(entry)
        free = (
            guest is not None
            and entry is not None
            and (not entry.code.own_words or self._tries.entered(address, guest.code))
        )
        if not free and not self._tries.is_judged(address, hashed):
            self._audit.note("code_throttled", address=address)
            raise Throttled(1.0)
        if guest is None:
            self._audit.note("code_refused", address=address)
            raise AccessError(REFUSED)
        if self._tries.enter(address, guest.code, hashed, fresh_after=USED_AGAIN_AFTER):
            self._audit.note("code_used", address=address, code=guest.code)
        return guest

    def subject(self, code_id: str) -> Subject | None:
        """What the code with that id opens now, for who is in by it; None when nothing any more."""
        return self._used(self._shelf.get(code_id))

    def most_viewers(self, code_id: str) -> int | None:
        """How many may watch at once by the code with that id; None for any number."""
        entry = self._shelf.get(code_id)
        return entry.code.most_viewers if entry is not None else None

    @property
    def active(self) -> int:
        """How many codes let somebody in now."""
        return sum(self._shelf.guest(entry) is not None for entry in self._shelf)

    def get(self, code_id: str) -> AccessCode | None:
        """The code with that id, None when there is none."""
        entry = self._shelf.get(code_id)
        return entry.shown() if entry is not None else None

    def list(self, by: Subject) -> tuple[AccessCode, ...]:
        """The codes that `by` may manage, newest first: an admin all, a viewer their own."""
        shown = [entry.shown() for entry in self._shelf if may_manage(by, entry)]
        return tuple(sorted(shown, key=lambda code: (-code.created_at, code.id)))

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have `callback(code_id)` called, at once and synchronously, when a code opens less than before.

        That is when it was revoked, expired, got new words, or its owner lost a right; ask `subject` what
        is left. Returns the way out.
        """
        return self._shelf.subscribe(callback)

    def follow(self, change: UserChange) -> None:
        """Apply what an account may share from now on."""
        self._shelf.follow(change)

    def _used(self, entry: Entry | None) -> Subject | None:
        guest = self._shelf.guest(entry)
        if guest is not None and entry is not None:
            entry.used_at = self._clock()
        return guest


def may_manage(by: Subject, entry: Entry) -> bool:
    """Whether `by` may see and change that code: its owner, and every admin."""
    return by.kind == "admin" or (by.kind == "viewer" and by.user != "" and by.user == entry.code.owner)

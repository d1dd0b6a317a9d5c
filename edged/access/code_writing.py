"""Brings to disk what happened to codes in memory: ends at once, last uses seldom, old ones away."""

import logging
import sqlite3
from collections.abc import Callable

import trio

from edged.access.code_rows import delete_codes, revoke_of, write_ends, write_uses
from edged.access.code_shelf import CodeShelf, Entry
from edged.errors import StoreError
from edged.repeats import Repeats
from edged.store import Store

logger = logging.getLogger(__name__)

# Seconds. Ended codes are listed for a month. An SD card lives longer when last uses are seldom written.
LISTED = 30 * 86400.0
WRITE_USES_EVERY, TRY_AGAIN_AFTER = 900.0, 10.0


class CodeWriter:
    """Writes for a shelf. `turn` is held by whoever changes rows, so that no write is older than the last."""

    def __init__(
        self, *, store: Store, shelf: CodeShelf, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.turn = trio.Lock()
        self._store, self._shelf, self._clock, self._monotonic = store, shelf, clock, monotonic
        self._unwritten: set[str] = set()
        # Owners whose codes were all revoked, and when: on disk they may have some that are not on the shelf.
        self._taken_back: dict[str, float] = {}
        self._uses_at = self._tidied_at = monotonic()
        self._again_at = float("-inf")
        self._log = Repeats(logger, logging.ERROR, monotonic)

    @property
    def unwritten(self) -> int:
        """How many ends are not on disk yet."""
        return len(self._unwritten)

    @property
    def waits(self) -> bool:
        """Whether something is to be written soon."""
        return bool(self._unwritten or self._taken_back)

    def ended(self, code_id: str) -> None:
        """Note that a code's end is to be written."""
        self._unwritten.add(code_id)

    def taken_back(self, owner: str) -> None:
        """Note that all codes of this owner that there are now are to be revoked."""
        self._taken_back[owner] = self._clock()

    async def ends(self) -> None:
        """Write the ends that are not on disk yet; when that fails they stay so, and the log says it."""
        async with self.turn:
            ids, taken_back = tuple(self._unwritten), dict(self._taken_back)
            entries = [entry for code_id in ids if (entry := self._shelf.get(code_id)) is not None]
            codes = [entry.code for entry in entries]
            alive = {owner: self._alive(owner) for owner in taken_back}

            def write(connection: sqlite3.Connection) -> None:
                write_ends(connection, codes)
                for owner, when in taken_back.items():
                    revoke_of(connection, owner, when, alive[owner])

            try:
                with trio.CancelScope(shield=True):
                    if codes or taken_back:
                        await self._store.transact(write)
            except StoreError as error:
                self._again_at = self._monotonic() + TRY_AGAIN_AFTER
                self._log.tell(f"ends of access codes are not written yet, trying again: {error}")
                return
            self._unwritten.difference_update(ids)
            self._taken_back = {o: when for o, when in self._taken_back.items() if taken_back.get(o) != when}

    async def due(self) -> None:
        """Write whatever has waited long enough."""
        now = self._monotonic()
        if self.waits and now >= self._again_at:
            await self.ends()
        if now - self._uses_at >= WRITE_USES_EVERY:
            self._uses_at = now  # also when it fails: not again before a quarter of an hour has passed
            await self.uses()
        if now - self._tidied_at >= WRITE_USES_EVERY:
            self._tidied_at = now
            await self._tidy()

    async def uses(self) -> None:
        """Write when codes were used last."""
        async with self.turn:
            used = [entry for entry in self._shelf if entry.used_at != entry.code.last_used_at]
            shown = [entry.shown() for entry in used]
            if used and await self._done(lambda connection: write_uses(connection, shown)):
                for entry, written in zip(used, shown, strict=True):
                    self._shelf.uses_written(entry, written.last_used_at)

    async def _tidy(self) -> None:
        """Forget codes that ended long ago."""
        async with self.turn:
            old = [entry for entry in self._shelf if self._is_old(entry)]
            ids = [entry.code.id for entry in old]
            if old and await self._done(lambda connection: delete_codes(connection, ids)):
                for entry in old:
                    self._shelf.drop(entry)

    def _alive(self, owner: str) -> list[str]:
        codes = [entry.code for entry in self._shelf if entry.code.owner == owner]
        return [code.id for code in codes if code.revoked_at is None]

    async def _done(self, change: Callable[[sqlite3.Connection], None]) -> bool:
        try:
            with trio.CancelScope(shield=True):
                await self._store.transact(change)
        except StoreError as error:
            logger.warning("access codes: last uses are not written, or old ones not removed: %s", error)
            return False
        return True

    def _is_old(self, entry: Entry) -> bool:
        ends = [end for end in (entry.code.ended_at, entry.code.revoked_at) if end is not None]
        return bool(ends) and self._clock() - max(ends) >= LISTED

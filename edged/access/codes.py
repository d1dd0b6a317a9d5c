"""Access codes: made, shared, renewed, revoked; asked about from memory.

Words are told once, when they are made; kept is only their hash. A code opens what its owner may still
share: that is decided anew whenever an account changes, so that the question itself costs nothing. Ends are
in memory first and then on disk, again and again until the disk takes them.
"""

import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Self

import msgspec
import trio

from edged.access.audit import Audit, Facts, told_cameras, told_until
from edged.access.changes import UserChange
from edged.access.code_questions import REFUSED, CodeQuestions, may_manage
from edged.access.code_record import (
    CLOSED,
    NO_CODE,
    NOT_YOURS,
    AccessCode,
    acceptable_description,
    acceptable_end,
    acceptable_items,
    acceptable_viewers,
)
from edged.access.code_room import to_forget
from edged.access.code_rows import KeptCode, all_codes, delete_codes, insert_code, update_code
from edged.access.code_shelf import CodeShelf, Entry
from edged.access.code_words import acceptable_words, hint_of, make_words, words_hash
from edged.access.code_writing import CodeWriter
from edged.access.own_words import OwnWordsTries
from edged.access.subject import ROOT, Item, Subject
from edged.access.user_rows import read_users
from edged.access.values import Unacceptable
from edged.errors import AccessError
from edged.store import Store

__all__ = ["REFUSED", "AccessCode", "Codes"]

# Seconds. The clock may jump, so ends are looked for every second.
LOOK_EVERY, REST = 1.0, 60.0


class Codes(CodeQuestions):
    """The access codes of this box, made by `open`."""

    def __init__(
        self,
        *,
        store: Store,
        shelf: CodeShelf,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        exists: Callable[[str], bool],
        name_of: Callable[[str], str],
        audit: Audit,
    ) -> None:
        super().__init__(shelf=shelf, clock=clock, monotonic=monotonic, audit=audit)
        self._store, self._exists, self._name_of = store, exists, name_of
        # How often all that an account shared was taken back.
        self._taken_back: Counter[str] = Counter()
        self._own_words = OwnWordsTries(clock=monotonic)
        self._writer = CodeWriter(store=store, shelf=shelf, clock=clock, monotonic=monotonic)
        self._wake = trio.Event()
        shelf.on_expired = self._expired

    @classmethod
    async def open(
        cls,
        *,
        store: Store,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        exists: Callable[[str], bool] = lambda _slug: True,
        name_of: Callable[[str], str] = lambda slug: slug,
        audit: Audit | None = None,
    ) -> Self:
        """Read all codes. Raises StoreError.

        `exists` tells whether a slug is a camera's, `name_of` the camera's name for people.
        """
        users = await read_users(store)
        shelf = CodeShelf(await store.look(all_codes), users, clock=clock)
        return cls(
            store=store,
            shelf=shelf,
            clock=clock,
            monotonic=monotonic,
            exists=exists,
            name_of=name_of,
            audit=audit or Audit(),
        )

    async def create(
        self,
        owner: Subject,
        *,
        description: str,
        items: Iterable[Item],
        expires_at: float | None,
        words: str | None = None,
        most_viewers: int | None = None,
    ) -> tuple[AccessCode, str]:
        """Make a code; the words are told here and never again.

        Raises Unacceptable (a value), AccessError (what may not be shared), Throttled, StoreError.
        """
        async with self._writer.turn:
            name = self._sharer(owner)
            wanted = acceptable_items(items, self._shelf.owner(name), self._exists)
            told = self._new_words(words, name, wanted, owner)
            now, taken_back = self._clock(), self._taken_back[name]
            code = AccessCode(
                id=secrets.token_hex(8),
                owner=name,
                description=acceptable_description(description),
                items=wanted,
                created_at=now,
                hint=hint_of(told),
                own_words=words is not None,
                most_viewers=acceptable_viewers(most_viewers),
                expires_at=acceptable_end(expires_at, now),
            )
            kept = KeptCode(words_hash(told), code)
            dropped = to_forget(self._shelf, name)
            with trio.CancelScope(shield=True):  # on disk means in memory
                await self._store.transact(lambda connection: _replace(connection, dropped, kept))
                for old in dropped:
                    self._shelf.drop(old)
                if self._shelf.owner(name) is None:  # removed meanwhile, and the code with the account
                    raise AccessError(NOT_YOURS)
                entry = self._shelf.put(kept)
                if self._taken_back[name] != taken_back:  # while this was written
                    self._shelf.revoke(entry)
                    self._writer.ended(code.id)
            self._wake.set()
        self._audit.note("code_created", user=name, by=owner.user, code=code.id, **_facts(code))
        return entry.shown(), told

    async def renew(self, code_id: str, by: Subject, expires_at: float | None) -> AccessCode:
        """Give a code another end, also one that has expired; a revoked one stays so.

        Raises AccessError, Unacceptable, StoreError.
        """
        async with self._writer.turn:
            entry = self._renewable(code_id, by)
            now = self._clock()
            code = msgspec.structs.replace(
                entry.code, renewed_at=now, expires_at=acceptable_end(expires_at, now), ended_at=None
            )
            with trio.CancelScope(shield=True):
                await self._update(code_id, KeptCode(entry.words_hash, code))
                self._shelf.renewed(entry, code)
            self._wake.set()
        self._audit.note("code_renewed", user=code.owner, by=by.user, code=code_id, **_facts(code))
        return entry.shown()

    async def change_words(
        self, code_id: str, by: Subject, words: str | None = None
    ) -> tuple[AccessCode, str]:
        """Give a code new words and a new id; who is in by the old words is out. Its end stays.

        Raises as `create`.
        """
        async with self._writer.turn:
            entry = self._renewable(code_id, by)
            if self._shelf.is_due(entry) or entry.code.ended_at is not None:
                raise AccessError("This access code has expired. Please give it another end first.")
            if not entry.code.open_items:
                raise AccessError(CLOSED)
            told = self._new_words(words, entry.code.owner, entry.code.items, by)
            code = msgspec.structs.replace(
                entry.shown(),
                id=secrets.token_hex(8),
                hint=hint_of(told),
                own_words=words is not None,
                renewed_at=self._clock(),
            )
            kept = KeptCode(words_hash(told), code)
            with trio.CancelScope(shield=True):
                await self._update(code_id, kept)
                gone, ended = self._shelf.get(code_id) is not entry, entry.code
                self._shelf.drop(entry)
                if gone:
                    raise AccessError(NO_CODE)
                # It may have expired or been revoked while this was written.
                code = msgspec.structs.replace(code, ended_at=ended.ended_at, revoked_at=ended.revoked_at)
                new = self._shelf.put(KeptCode(kept.words_hash, code))
                self._writer.ended(code.id)
            self._wake.set()
        facts: Facts = {**_facts(code), "old_code": code_id}
        self._audit.note("code_renewed", user=code.owner, by=by.user, code=code.id, **facts)
        return new.shown(), told

    async def revoke(self, id_or_words: str, by: Subject) -> None:
        """End a code for ever: it opens nothing from now on, subscribers are told before this waits.

        Raises AccessError for an unknown one and for one of somebody else.
        """
        entry = self._shelf.get(id_or_words) or self._shelf.find(words_hash(id_or_words))
        if entry is None or not may_manage(by, entry):
            raise AccessError(NO_CODE)
        if entry.code.revoked_at is not None:
            return
        self._shelf.revoke(entry)
        self._writer.ended(entry.code.id)
        self._audit.note("code_revoked", user=entry.code.owner, by=by.user, code=entry.code.id)
        self._wake.set()  # whoever asked may give up waiting for the disk
        await self._writer.ends()

    def follow(self, change: UserChange) -> None:
        """Apply what an account may share from now on, and take back all it shares when that is meant."""
        super().follow(change)
        if not change.revokes_codes:
            return
        self._taken_back[change.name] += 1
        self._writer.taken_back(change.name)
        for entry in self._shelf:
            code = entry.code
            if code.owner == change.name and code.revoked_at is None and code.ended_at is None:
                self._shelf.revoke(entry)
                self._writer.ended(code.id)
                self._audit.note("code_revoked", user=code.owner, by=change.by, code=code.id)
        self._wake.set()

    @property
    def unended(self) -> int:
        """How many have ended, but would open again at a restart: the database does not know yet."""
        return self._writer.unwritten

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """End what has expired within 0.2 s and write what is due, until cancelled."""
        task_status.started()
        try:
            while True:
                with trio.move_on_after(self._rest()):
                    await self._wake.wait()
                self._wake = trio.Event()
                self._expire()
                await self._writer.due()
        finally:
            with trio.move_on_after(2.0, shield=True):
                await self._writer.uses()

    def _rest(self) -> float:
        """Seconds until an end is due; at most a second while there is one to come, since clocks jump."""
        end = self._shelf.next_end()
        if end is None:
            return LOOK_EVERY if self._writer.waits else REST
        return min(max(0.0, end - self._clock()), LOOK_EVERY)

    def _expire(self) -> None:
        for entry in self._shelf:
            if self._shelf.is_due(entry):
                self._shelf.expire(entry)

    def _expired(self, entry: Entry) -> None:
        """Have an end that was seen written soon."""
        self._writer.ended(entry.code.id)
        self._audit.note("code_expired", user=entry.code.owner, code=entry.code.id)
        self._wake.set()

    def _sharer(self, owner: Subject) -> str:
        """The account that a code of this asker belongs to, "" for root. Raises AccessError."""
        if owner == ROOT:
            return ""
        user = self._shelf.owner(owner.user) if owner.kind in {"admin", "viewer"} and owner.user else None
        if user is None or user.disabled:
            raise AccessError(NOT_YOURS)
        return user.name

    def _new_words(self, words: str | None, owner: str, items: Iterable[Item], by: Subject) -> str:
        if words is None:
            return make_words()
        slugs = sorted({item.media_slug for item in items})
        words = acceptable_words(words, [owner], [*slugs, *map(self._name_of, slugs)])
        # Who tries words until some are taken has guessed a code.
        self._own_words.count(by.user)
        if self._shelf.find(words_hash(words)) is not None:
            self._audit.note("code_refused", user=by.user)
            raise Unacceptable(
                "code", "This code cannot be used. Please think of another, or let edged make one."
            )
        return words

    def _renewable(self, code_id: str, by: Subject) -> Entry:
        entry = self._shelf.get(code_id)
        if entry is None or not may_manage(by, entry):
            raise AccessError(NO_CODE)
        if entry.code.revoked_at is not None:
            raise AccessError("This access code was revoked and stays so. Please make a new one.")
        return entry

    async def _update(self, code_id: str, kept: KeptCode) -> None:
        if not await self._store.transact(partial(update_code, old_id=code_id, kept=kept)):
            raise AccessError(NO_CODE)


def _facts(code: AccessCode) -> Facts:
    """What the audit tells of a code."""
    cameras = told_cameras(item.media_slug for item in code.items)
    return {"cameras": cameras, "until": told_until(code.expires_at)}


def _replace(connection: sqlite3.Connection, dropped: Sequence[Entry], kept: KeptCode) -> None:
    delete_codes(connection, [entry.code.id for entry in dropped])
    try:
        insert_code(connection, kept)
    except sqlite3.IntegrityError as error:  # its owner was removed
        raise AccessError(NOT_YOURS) from error

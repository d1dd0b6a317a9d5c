"""The names that cameras were given once: in memory, kept in the database, never depending on it.

Without a database every camera still gets a slug from its product's name, which is the same again most of
the time; what could not be written is written later.
"""

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import trio

from edged.cameras.identity import Keys, decent_name, make_slug
from edged.errors import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
# A device that invents a serial at each plugging must not fill the house: the longest unseen is forgotten.
MOST_KNOWN = 256
RETRY_SECONDS = 60.0


class CameraStore(Protocol):
    """What the registry needs of the database; both raise StoreError."""

    async def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    async def transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Do a change in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A camera that was seen once. Times are UTC unix seconds."""

    key: str
    slug: str
    name: str
    created_at: float
    last_seen_at: float


class Registry:
    """Which camera has which slug. `load` first; `run` keeps writing what changes."""

    def __init__(
        self,
        store: CameraStore,
        *,
        reserved: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._reserved = frozenset(reserved)
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._changed = trio.Event()

    @property
    def known(self) -> tuple[Known, ...]:
        """All cameras ever seen and not forgotten."""
        return tuple(self._known.values())

    async def load(self) -> None:
        """Read what is known. A database that cannot be read is logged, and costs the names only."""
        try:
            rows = await self._store.read("SELECT key, slug, name, created_at, last_seen_at FROM camera")
        except StoreError as error:
            logger.warning("the cameras' names cannot be read, they may get new ones: %s", error)
            return
        slugs: set[str] = set()
        for row in rows:
            known = _decode(row)
            if known is None or known.slug in slugs:
                logger.warning("a camera of the database makes no sense and is left out: %r", row[:2])
                continue
            slugs.add(known.slug)
            self._known[known.key] = known

    def resolve(self, keys: Keys, name: str, *, present: Collection[str] = ()) -> Known:
        """The camera of these keys, a new one when none was seen yet.

        `name` is the product's name; `present` are the slugs of other devices that are plugged now: a device
        that claims to be one of them is another one.
        """
        known = self._lookup(keys, present)
        now = self._clock()
        if known is None:
            key = keys.port if keys.serial is None or keys.serial in self._known else keys.serial
            known = self._make(key, name, now)
            logger.info("new camera: %s", known.name, extra={"CAMERA": known.slug})
        elif known.slug in self._reserved:
            # The settings gave its slug to another source.
            known = replace(known, slug=make_slug(name, self._taken()))
        if keys.serial is None and known.key == keys.shared_serial:
            known = self._rename_key(known, keys.port)
        known = replace(known, last_seen_at=now)
        self._keep(known)
        return known

    def use_port(self, slug: str, keys: Keys) -> None:
        """From now on know this camera by its port: its serial turned out to be shared."""
        for known in self.known:
            if known.slug == slug and known.key == keys.shared_serial and keys.port not in self._known:
                self._keep(self._rename_key(known, keys.port))

    async def run(self) -> None:
        """Write what changes until cancelled."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            if not await self.save():
                with trio.move_on_after(RETRY_SECONDS):
                    await self._changed.wait()
                self._changed.set()

    async def save(self) -> bool:
        """Write what is new; whether that worked. Never raises for a sick database."""
        keys = tuple(self._dirty)
        rows = [(key, self._known.get(key)) for key in keys]
        self._dirty.clear()
        try:
            await self._store.transact(lambda connection: _write(connection, rows))
        except StoreError as error:
            self._dirty.update(keys)
            logger.warning("the cameras' names cannot be kept: %s", error)
            return False
        except BaseException:
            self._dirty.update(keys)
            raise
        return True

    def _lookup(self, keys: Keys, present: Collection[str]) -> Known | None:
        candidates = (keys.serial, keys.port, keys.shared_serial)
        found = (self._known[key] for key in candidates if key is not None and key in self._known)
        return next((known for known in found if known.slug not in present), None)

    def _make(self, key: str, product: str, now: float) -> Known:
        name = decent_name(product)
        slug = make_slug(name, self._taken())
        twin = re.search(r"-(\d+)$", slug)
        if twin and make_slug(name, ()) != slug:
            name = f"{name[:54]} {twin[1]}"
        return Known(key=key, slug=slug, name=name, created_at=now, last_seen_at=now)

    def _taken(self) -> set[str]:
        return {known.slug for known in self.known} | self._reserved

    def _rename_key(self, known: Known, key: str) -> Known:
        self._known.pop(known.key, None)
        self._note(known.key)
        return replace(known, key=key)

    def _keep(self, known: Known) -> None:
        self._known[known.key] = known
        self._note(known.key)
        while len(self._known) > MOST_KNOWN:
            oldest = min(self._known.values(), key=lambda one: one.last_seen_at)
            del self._known[oldest.key]
            self._note(oldest.key)

    def _note(self, key: str) -> None:
        self._dirty.add(key)
        self._changed.set()


def _write(connection: sqlite3.Connection, rows: "list[tuple[str, Known | None]]") -> None:
    # All old rows go first: a slug may have passed from one key to another.
    connection.executemany("DELETE FROM camera WHERE key = ?", [(key,) for key, _ in rows])
    connection.executemany(
        "INSERT INTO camera (key, slug, name, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?)",
        [
            (known.key, known.slug, known.name, known.created_at, known.last_seen_at)
            for _, known in rows
            if known is not None
        ],
    )


def _decode(row: "tuple[Any, ...]") -> Known | None:
    key, slug, name, created_at, last_seen_at = row
    if not (isinstance(key, str) and isinstance(slug, str) and SLUG.fullmatch(slug)):
        return None
    return Known(
        key=key,
        slug=slug,
        name=decent_name(name if isinstance(name, str) else slug),
        created_at=created_at if isinstance(created_at, int | float) else 0.0,
        last_seen_at=last_seen_at if isinstance(last_seen_at, int | float) else 0.0,
    )

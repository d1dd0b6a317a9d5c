"""A house with accounts, sessions and codes on a real database, and a clock that tests turn."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from edged.access.accounts import Accounts
from edged.access.audit import Audit
from edged.access.codes import Codes
from edged.access.passwords import Passwords
from edged.access.sessions import Sessions
from edged.access.subject import Item, Subject
from edged.access.throttle import Throttle
from edged.store import Store

PASSWORD = "a short sentence"
DAY = 86400.0
CAMERAS = ("porch", "garden", "hall")

ANNA = Subject(kind="admin", user="anna", session="1", cameras=None)
EVE = Subject(kind="viewer", user="eve", session="2", cameras=frozenset({"porch", "garden"}))
BOB = Subject(kind="viewer", user="bob", session="3", cameras=None)


def video(*slugs: str) -> list[Item]:
    return [Item(media_type="video", media_slug=slug) for slug in slugs]


class Clock:
    """Unix time; `monotonic` goes on whatever `now` is set to."""

    def __init__(self) -> None:
        self.now, self.passed = 1_700_000_000.0, 0.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds


@dataclass
class House:
    store: Store
    clock: Clock
    audit: Audit
    sessions: Sessions
    codes: Codes
    accounts: Accounts

    async def again(self) -> "House":
        """As after a restart."""
        return await build(self.store, self.clock)

    async def share(self, owner: Subject, *slugs: str, lasts: float | None = DAY) -> tuple[str, str]:
        """A new code's id and words."""
        code, words = await self.codes.create(
            owner,
            description="x",
            items=video(*slugs),
            expires_at=None if lasts is None else self.clock() + lasts,
        )
        return code.id, words

    def opens(self, words: str) -> set[str]:
        """The cameras that these words open."""
        guest = self.codes.lookup(words)
        return {item.media_slug for item in guest.items} if guest else set()


async def build(store: Store, clock: Clock) -> House:
    audit = Audit(clock.monotonic)
    sessions = await Sessions.open(store=store, lifetime=30 * DAY, clock=clock)
    codes = await Codes.open(
        store=store, clock=clock, monotonic=clock.monotonic, exists=lambda slug: slug in CAMERAS, audit=audit
    )
    accounts = await Accounts.open(
        store=store,
        data=store.path.parent,
        clock=clock,
        passwords=Passwords(time_cost=1, memory_kib=8),
        throttle=Throttle(clock=clock.monotonic),
        followers=(sessions, codes),
        audit=audit,
        tell_code=False,
    )
    return House(store, clock, audit, sessions, codes, accounts)


@contextlib.asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """Anna (admin), Eve (porch and garden), Bob (a viewer of everything)."""
    store = await Store.open(folder / "edged.sqlite3")
    house = await build(store, Clock())
    await house.accounts.create_user(username="anna", password=PASSWORD, role="admin")
    await house.accounts.create_user(username="eve", password=PASSWORD, role="viewer", cameras=EVE.cameras)
    await house.accounts.create_user(username="bob", password=PASSWORD, role="viewer")
    try:
        yield house
    finally:
        await store.close()

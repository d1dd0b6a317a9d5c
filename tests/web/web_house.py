"""A house with real accounts, sessions and codes in a database of its own; cameras and engine are fakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import trio
from lab.clock import Clock
from web_fakes import make_parts
from web_site import Site, serving

from edged.access.accounts import Accounts
from edged.access.audit import Audit
from edged.access.codes import Codes
from edged.access.passwords import Passwords
from edged.access.sessions import Sessions
from edged.store import Store
from edged.web.parts import WebParts

PASSWORD = "correct horse battery"
NOW = 1_800_000_000.0


@dataclass
class House:
    """`admin`, `viewer` (sees `door`) and `stranger` (sees nothing), each with a session's token."""

    site: Site
    accounts: Accounts
    sessions: Sessions
    codes: Codes
    clock: Clock
    tokens: dict[str, str]

    @asynccontextmanager
    async def client(self, who: str = "", **more: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with self.site.client(self.tokens[who] if who else "", **more) as client:
            yield client

    async def share(self, who: str = "admin", **more: Any) -> str:
        """The words of a new code for all of the camera `door`, made through the API."""
        items = [{"media_type": kind, "media_slug": "door"} for kind in ("video", "image", "recordings")]
        wish = {"description": "for a test", "expires_at": None, "media_items": items} | more
        async with self.client(who) as client:
            answer = await client.post("/api/access-codes", json=wish)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])


@asynccontextmanager
async def real_parts(folder: Path, clock: Clock) -> AsyncIterator[WebParts]:
    """Parts whose access is real; nobody has an account yet."""
    store = await Store.open(folder / "edged.sqlite3")
    try:
        fakes = make_parts()
        audit = Audit()
        sessions = await Sessions.open(store=store, lifetime=86400.0, clock=clock)
        known = set(fakes.cameras.views)  # type: ignore[attr-defined]
        codes = await Codes.open(store=store, clock=clock, exists=known.__contains__, audit=audit)
        accounts = await Accounts.open(
            store=store,
            data=folder,
            clock=clock,
            passwords=Passwords(time_cost=1, memory_kib=64),
            followers=(sessions, codes),
            audit=audit,
        )
        yield replace(fakes, accounts=accounts, sessions=sessions, codes=codes, audit=audit, clock=clock)
    finally:
        await store.close()


@asynccontextmanager
async def open_house(folder: Path, tokens: dict[str, str] | None = None) -> AsyncIterator[House]:
    """Serve a house with three people; with `tokens` one whose people the folder's database has already."""
    clock = Clock(NOW)
    async with real_parts(folder, clock) as parts:
        tokens = tokens or await _move_in(parts)
        async with trio.open_nursery() as nursery:
            await nursery.start(parts.sessions.run)
            await nursery.start(parts.codes.run)
            async with serving(parts) as site:
                yield House(site, parts.accounts, parts.sessions, parts.codes, clock, tokens)
            nursery.cancel_scope.cancel()


async def _move_in(parts: WebParts) -> dict[str, str]:
    tokens = {}
    for name, role, cameras in (
        ("admin", "admin", None),
        ("viewer", "viewer", ["door"]),
        ("stranger", "viewer", []),
    ):
        user = await parts.accounts.create_user(
            username=name,
            password=PASSWORD,
            role=role,
            cameras=cameras,  # type: ignore[arg-type]
        )
        tokens[name] = await parts.sessions.create(user)
    return tokens

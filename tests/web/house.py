"""A site for browsers without script: two people with real accounts, and their access codes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from lab.clock import Clock
from web_house import PASSWORD, real_parts
from web_site import Site, serving

from edged.access.accounts import Accounts
from edged.access.codes import Codes
from edged.access.sessions import Sessions
from edged.access.subject import Item, Subject

__all__ = ["ADA", "PASSWORD", "House", "open_house"]

ADA = Subject(kind="admin", user="ada", cameras=None)


@dataclass(frozen=True)
class House:
    """`ada` is an admin, `vic` a viewer who sees the camera `door`; `garden` is there too."""

    site: Site
    accounts: Accounts
    sessions: Sessions
    codes: Codes

    @asynccontextmanager
    async def browser(self, user: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """A browser in which `user` is signed in; redirects are for the test to follow."""
        token = ""
        if user:
            known = {person.name: person for person in await self.accounts.users()}
            token = await self.sessions.create(known[user])
        async with self.site.client(token) as client:
            yield client

    async def share(self, *kinds: str, camera: str = "door", owner: Subject = ADA, **more: Any) -> str:
        """The words of a new code that opens these kinds of things of a camera."""
        items = [Item(media_type=kind, media_slug=camera) for kind in kinds or ("video",)]  # type: ignore[arg-type]
        _, words = await self.codes.create(
            owner, description="Neighbours", items=items, expires_at=None, **more
        )
        return words


@asynccontextmanager
async def open_house(folder: Path, **parts: Any) -> AsyncIterator[House]:
    """Serve a house while the block runs; `parts` take the place of fakes."""
    async with real_parts(folder, Clock()) as real:
        await real.accounts.create_user(username="ada", password=PASSWORD, role="admin")
        await real.accounts.create_user(username="vic", password=PASSWORD, role="viewer", cameras=["door"])
        async with serving(replace(real, **parts)) as site:
            yield House(site, real.accounts, real.sessions, real.codes)

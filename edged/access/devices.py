"""Browsers in which somebody signed in before: random tokens, kept hashed by account, looked up in memory.

A device opens nothing. Who brings one is only not slowed down by what others guess at the same account: so
its owner gets in while they do, and whoever cannot bring it sees every name delayed alike, whether there is
such an account or not. A token belongs to one account: in a browser that several share, the last one's lies,
and none of them can bring it for another. The database only makes devices survive a restart.
"""

import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import trio

from edged.access.changes import UserChange
from edged.errors import StoreError
from edged.store import Store

logger = logging.getLogger(__name__)

TOKEN_BYTES, MOST_TOKEN = 32, 200
MOST_PER_USER = 20
# Seconds after it was brought last.
LASTS = 365 * 86400.0


@dataclass(slots=True)
class _Device:
    created_at: float
    seen_at: float


class Devices:
    """The devices of all accounts, made by `open`. `clock` is UTC unix time, in seconds."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._known: dict[str, dict[bytes, _Device]] = {}

    @classmethod
    async def open(cls, *, store: Store, clock: Callable[[], float]) -> Self:
        """Read what outlived the restart. Raises StoreError."""
        devices = cls(store=store, clock=clock)
        for user, token_hash, *times in await store.read(
            "SELECT user, token_hash, created_at, seen_at FROM device"
        ):
            devices._known.setdefault(user, {})[token_hash] = _Device(*times)
        return devices

    def key(self, user: str, token: str) -> str:
        """What the device of that token is told apart by; "" unless `user` signed in with it before."""
        hashed = _hash(token)
        device = self._known.get(user, {}).get(hashed)
        return "" if device is None or self._is_over(device) else hashed.hex()

    async def remember(self, user: str, token: str) -> str:
        """Note that `user` signed in where `token` was brought; the token to keep there.

        It stays the same when `user` signed in with it before; another's, or one that we did not give, is
        not taken over.
        Of more than 20 devices of an account those that were never brought again go first.
        """
        if not self.key(user, token):
            token = secrets.token_urlsafe(TOKEN_BYTES)
        now, hashed = self._clock(), _hash(token)
        own = self._known.setdefault(user, {})
        device = own.setdefault(hashed, _Device(now, now))
        device.seen_at = now
        others = sorted(
            (other for other in own if other != hashed),
            key=lambda other: (own[other].seen_at > own[other].created_at, own[other].seen_at),
        )
        dropped = [other for other in others if self._is_over(own[other])]
        dropped += [other for other in others if other not in dropped][
            : max(0, len(own) - len(dropped) - MOST_PER_USER)
        ]
        for other in dropped:
            del own[other]
        await self._write(user, hashed, device, dropped)
        return token

    def follow(self, change: UserChange) -> None:
        """Forget the devices of an account whose sessions all end; `end_sessions` does so on disk."""
        if change.user is None or change.user.disabled or change.signs_out:
            self._known.pop(change.name, None)

    def _is_over(self, device: _Device) -> bool:
        return self._clock() - device.seen_at >= LASTS

    async def _write(self, user: str, hashed: bytes, device: _Device, dropped: list[bytes]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM device WHERE user = ? AND token_hash = ?", [(user, other) for other in dropped]
            )
            connection.execute(
                "INSERT OR REPLACE INTO device (user, token_hash, created_at, seen_at)"
                " SELECT name, ?, ?, ? FROM user WHERE name = ?",
                (hashed, device.created_at, device.seen_at, user),
            )

        try:
            with trio.CancelScope(shield=True):
                await self._store.transact(write)
        except StoreError as error:
            logger.warning("this browser will not be known after a restart: %s", error, extra={"USER": user})


def _hash(token: str) -> bytes:
    return hashlib.sha256(token[:MOST_TOKEN].encode("utf-8", "surrogatepass")).digest()

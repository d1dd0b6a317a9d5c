"""Passwords: argon2id in threads, few at a time.

m=19 MiB, t=2, p=1 is the lightest setting that OWASP's Password Storage Cheat Sheet gives for argon2id. 64
MiB (the library's default) would count twice in the peak memory of a board with 1 GB, whose cameras must go
on meanwhile.
"""

import base64
import ctypes
import secrets
from functools import partial

import argon2
import trio
from argon2.exceptions import Argon2Error

from edged.access.throttle import Throttled

LEAST_PASSWORD = 10
MOST_PASSWORD = 1024

TIME_COST, MEMORY_KIB, LANES = 2, 19 * 1024, 1
AT_ONCE, WAITING = 2, 8


class Passwords:
    """Hashes and verifies; two at once, a few more wait, beyond that Throttled is raised."""

    def __init__(
        self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB, waiting: int = WAITING
    ) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=LANES, hash_len=32, salt_len=16
        )
        _give_large_memory_back()
        self._threads = trio.CapacityLimiter(AT_ONCE)
        self._waiting, self._now = waiting, 0
        # Verified for users who do not exist, so that they cost as much time; no password has this hash.
        self._nobody = _unmatched(time_cost, memory_kib)

    async def hash(self, password: str) -> str:
        """The encoded hash to keep."""
        async with self._queue():
            return await trio.to_thread.run_sync(self._hasher.hash, _bytes(password), limiter=self._threads)

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether `password` has the hash `encoded`.

        None (no such user) takes as long, and is never right.
        """
        if len(password) > MOST_PASSWORD:
            encoded, password = None, ""
        async with self._queue():
            work = partial(self._matches, encoded or self._nobody, _bytes(password))
            matches = await trio.to_thread.run_sync(work, limiter=self._threads)
        return matches and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Whether `encoded` was made with other parameters than today's and should be made again."""
        return self._hasher.check_needs_rehash(encoded)

    def _matches(self, encoded: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (Argon2Error, ValueError):  # InvalidHash is a ValueError
            return False

    def _queue(self) -> "_Place":
        return _Place(self)


class _Place:
    """A place in the bounded queue before the threads."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def __aenter__(self) -> None:
        queue = self._passwords
        if queue._now >= AT_ONCE + queue._waiting:
            raise Throttled(1.0)
        queue._now += 1

    async def __aexit__(self, *error: object) -> None:
        self._passwords._now -= 1


def _give_large_memory_back() -> None:
    """Have the C library return what a hash took to the system.

    glibc raises its limit for memory of its own (mallopt(3), M_MMAP_THRESHOLD) after the first large piece
    is freed, and each thread's heap would keep 19 MiB for good: 57 MiB after a few sign-ins. A limit that
    is set stays.
    """
    m_mmap_threshold, least_bytes = -3, 1 << 20
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(m_mmap_threshold, least_bytes)


def _bytes(password: str) -> bytes:
    # A form may bring lone surrogates; they are a wrong password, not a crash.
    return password.encode("utf-8", "surrogatepass")


def _unmatched(time_cost: int, memory_kib: int) -> str:
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (16, 32)
    )
    return f"$argon2id$v=19$m={memory_kib},t={time_cost},p={LANES}${salt}${digest}"

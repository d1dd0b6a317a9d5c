"""Opens what cannot always be had (a port that is taken, a folder that is missing), until it can be.

Whoever needs it goes on meanwhile: why it is not there is told as a finding.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import trio

from edged.errors import StartupError
from edged.health import Finding

# While it cannot be opened, it is tried again so often.
RETRY_SECONDS = 3.0

T = TypeVar("T")


class Opener(Generic[T]):
    """`open_` raises StartupError while it cannot; it is called in a thread, where it may take its time.

    `issue` ("room.trouble") is told while it cannot: `effect` is what that means, `without` how to want none.
    """

    def __init__(self, open_: Callable[[], T], *, issue: str, effect: str, without: str) -> None:
        self._open = open_
        self._issue, self._effect, self._without = issue, effect, without
        self.trouble = ""
        """Why it is not open, "" when nothing is known to be wrong."""

    def findings(self) -> Iterable[Finding]:
        """That it is not open, and why."""
        if self.trouble:
            yield Finding(
                id=self._issue,
                severity="warning",
                subject=self._issue.partition(".")[0],
                cause=f"{self._effect} {self.trouble}",
                remedy=f"It is tried again every {RETRY_SECONDS:g} s. {self._without}",
            )

    async def attempt(self) -> T | None:
        """Try once; None when it could not be opened."""
        try:
            opened = await trio.to_thread.run_sync(self._open)
        except StartupError as error:
            self.trouble = str(error)
            return None
        self.trouble = ""
        return opened

    async def persist(self) -> T:
        """Try until it is open, first after RETRY_SECONDS."""
        while True:
            await trio.sleep(RETRY_SECONDS)
            if (opened := await self.attempt()) is not None:
                return opened

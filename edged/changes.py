"""Changes that others wait for: counted, so that nobody misses one that came while they were busy."""

import trio


class Changes:
    """Counts the changes of something."""

    def __init__(self) -> None:
        self._bell = trio.Event()
        self.version = 0
        """How many so far."""

    def tell(self) -> None:
        """One more: who waits for it goes on."""
        self.version += 1
        self._bell.set()
        self._bell = trio.Event()

    async def after(self, version: int) -> int:
        """Wait until the version is greater than this one; the version then."""
        await trio.lowlevel.checkpoint()
        while self.version <= version:
            await self._bell.wait()
        return self.version

"""Ends what goes on long after the question, as soon as its asker may not any more.

Sessions and codes tell at once when they end or open less; whatever ends in silence (a clock that reaches a
session's end) is looked for twice a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from edged.access.subject import Subject
from edged.web import guard
from edged.web.server.asgi import Scope

if TYPE_CHECKING:
    from edged.web.parts import WebParts

LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Going:
    """Something that goes on: who asked for it, by which request, and what ends it."""

    scope: Scope
    asker: Subject
    action: str
    resource: str | None
    end: Callable[[], None]


class Ends:
    """Everything that goes on, by what its asker holds (`Subject.holder`)."""

    def __init__(self, parts: "WebParts") -> None:
        self._parts = parts
        self._going: dict[str, set[Going]] = {}
        self._begun = trio.Event()

    @property
    def going(self) -> int:
        """How much goes on."""
        return sum(map(len, self._going.values()))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen for ends, and look for the quiet ones, until cancelled."""
        leave = (
            self._parts.sessions.subscribe(lambda session: self._ended(f"session:{session}")),
            self._parts.codes.subscribe(lambda code: self._ended(f"code:{code}")),
        )
        try:
            task_status.started()
            while True:
                if not self._going:
                    self._begun = trio.Event()
                    await self._begun.wait()
                await trio.sleep(LOOK_SECONDS)
                for holder in tuple(self._going):
                    self._ended(holder)
        finally:
            for unsubscribe in leave:
                unsubscribe()

    def watch(
        self, scope: Scope, asker: Subject, action: str, resource: str | None, end: Callable[[], None]
    ) -> Callable[[], None]:
        """Have `end` called once, synchronously, when `asker` may not do it any more.

        Returns how to stop watching.
        """
        going = Going(scope, asker, action, resource, end)
        self._going.setdefault(asker.holder, set()).add(going)
        self._begun.set()
        return lambda: self._forget(going)

    @contextmanager
    def until_end(
        self, scope: Scope, asker: Subject, action: str, resource: str | None
    ) -> Iterator[trio.CancelScope]:
        """A cancel scope that ends with the right; ask its `cancelled_caught` afterwards."""
        with trio.CancelScope() as cancelling:
            forget = self.watch(scope, asker, action, resource, cancelling.cancel)
            try:
                yield cancelling
            finally:
                forget()

    def _forget(self, going: Going) -> None:
        held = self._going.get(going.asker.holder)
        if held is not None:
            held.discard(going)
            if not held:
                del self._going[going.asker.holder]

    def _ended(self, holder: str) -> None:
        for going in tuple(self._going.get(holder, ())):
            if not guard.still_may(going.scope, self._parts, going.asker, going.action, going.resource):
                self._forget(going)
                going.end()

"""What is plugged now and who it is: nodes are asked as they come, and brought together as known cameras."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import trio

from edged.cameras.device import (
    CameraDevice,
    DeviceEvent,
    Enumerated,
    Found,
    Lost,
    ProbedNode,
    VideoNode,
    cameras_of,
)
from edged.cameras.discovery import Discovery
from edged.cameras.identity import keys_of
from edged.cameras.probe import Query, probe_node
from edged.cameras.registry import Known, Registry

logger = logging.getLogger(__name__)

# Start-up waits no longer than this for cameras that do not answer.
READY_SECONDS = 1.5
# At the start names are given after this time, or when all have answered: whether a serial is unique must
# not depend on who answers first.
HOLD_SECONDS = 0.8
AFTER_FAULT_SECONDS = 5.0


class Plugged:
    """Follows the devices. `on_change` gets every plugged camera, by slug, whenever anything is another."""

    def __init__(
        self,
        *,
        discovery: Discovery,
        query: Query,
        registry: Registry,
        on_change: Callable[[dict[str, tuple[Known, CameraDevice]]], None],
    ) -> None:
        self._discovery, self._query, self._registry = discovery, query, registry
        self._on_change = on_change
        self._nodes: dict[str, ProbedNode] = {}
        self._known: dict[str, Known] = {}  # by device token
        self._probes: dict[str, trio.CancelScope] = {}
        self._limiters: dict[str, trio.CapacityLimiter] = {}
        self._probing = 0
        self._enumerated = False
        self._quiet = trio.Event()  # everything that was there at the start has answered
        self._held = True

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled; started() once everything plugged was asked, or after 1.5 s."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(guard, "discovering cameras", self._discover, nursery)
            with trio.move_on_after(HOLD_SECONDS):
                await self._quiet.wait()
            self._held = False
            self._reconcile()
            with trio.move_on_after(READY_SECONDS - HOLD_SECONDS):
                await self._quiet.wait()
            task_status.started()

    async def _discover(self, nursery: trio.Nursery) -> None:
        seen: set[str] = set()
        async with aclosing(self._discovery.events()) as events:
            async for event in events:
                self._take(event, seen, nursery)

    def _take(self, event: DeviceEvent, seen: set[str], nursery: trio.Nursery) -> None:
        if isinstance(event, Found):
            seen.add(event.node.sys_path)
            self._found(event.node, nursery)
        elif isinstance(event, Lost):
            seen.discard(event.sys_path)
            self._lost(event.sys_path)
        elif isinstance(event, Enumerated):
            # After a fault in discovery: what went meanwhile was never told.
            for sys_path in (self._nodes.keys() | self._probes.keys()) - seen:
                self._lost(sys_path)
            self._enumerated = True
            self._settle()

    def _found(self, node: VideoNode, nursery: trio.Nursery) -> None:
        known = self._nodes.get(node.sys_path)
        if known is not None and known.facts == node and known.capabilities is not None:
            return
        if node.sys_path in self._probes:
            self._probes.pop(node.sys_path).cancel()
        scope = self._probes[node.sys_path] = trio.CancelScope()
        self._probing += 1
        nursery.start_soon(self._probe, node, scope)

    def _lost(self, sys_path: str) -> None:
        if sys_path in self._probes:
            self._probes.pop(sys_path).cancel()
        self._limiters.pop(sys_path, None)
        if self._nodes.pop(sys_path, None) is not None:
            self._reconcile()

    async def _probe(self, node: VideoNode, scope: trio.CancelScope) -> None:
        limiter = self._limiters.setdefault(node.sys_path, trio.CapacityLimiter(1))
        try:
            with scope:
                async with aclosing(probe_node(node, query=self._query, limiter=limiter)) as answers:
                    async for probed in answers:
                        self._nodes[node.sys_path] = probed
                        self._reconcile()
        except Exception:
            logger.exception("a fault in asking %s", node.node)
        finally:
            if self._probes.get(node.sys_path) is scope:
                del self._probes[node.sys_path]
            self._probing -= 1
            self._settle()

    def _settle(self) -> None:
        if self._enumerated and not self._probing:
            self._quiet.set()

    def _reconcile(self) -> None:
        """Tell who is plugged; a fault of ours in that leaves all cameras as they were."""
        if self._held:
            return
        try:
            self._on_change(self._identify())
        except Exception:
            logger.exception("a fault in sorting what is plugged")

    def _identify(self) -> dict[str, tuple[Known, CameraDevice]]:
        """Every plugged camera by its slug. Who has an identity keeps it as long as it is plugged."""
        devices = cameras_of(list(self._nodes.values()))
        keys = keys_of(devices)
        tokens = {device.token: device for device in devices}
        self._known = {token: known for token, known in self._known.items() if token in tokens}
        for token, known in self._known.items():
            self._registry.use_port(known.slug, keys[tokens[token].facts.sys_path])
        for token, device in sorted(tokens.items()):
            if token not in self._known:
                present = [known.slug for known in self._known.values()]
                key = keys[device.facts.sys_path]
                self._known[token] = self._registry.resolve(key, device.name, present=present)
        return {known.slug: (known, tokens[token]) for token, known in self._known.items()}


async def guard(what: str, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
    """Do `work` for ever: a fault in it is logged and it begins anew; nobody else notices."""
    while True:
        try:
            await work(*arguments)
        except Exception:
            logger.exception("a fault in %s", what)
        await trio.sleep(AFTER_FAULT_SECONDS)

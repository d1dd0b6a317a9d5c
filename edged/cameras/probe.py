"""Asking a newly found node until it answers: patient with udev's slow rules, not with hung drivers."""

import errno
import logging
from collections.abc import AsyncGenerator
from typing import Protocol

import trio

from edged.cameras.device import Capabilities, ProbedNode, VideoNode
from edged.cameras.v4l2 import query_node
from edged.errors import CameraError

logger = logging.getLogger(__name__)


class Query(Protocol):
    """Asks the driver of a node. Raises OSError and CameraError."""

    async def __call__(self, node: str, *, limiter: trio.CapacityLimiter) -> Capabilities:
        """What the driver says of `node`."""


# A new node can be root's alone until udev's rules have run; ENOENT: its name comes a little later.
SOON = (0.03, 0.07, 0.15, 0.25, 0.5, 1.0)
LATER = 15.0
NOT_READY = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENXIO, errno.EBUSY, errno.EIO}
GONE = {errno.ENODEV}


async def probe_node(
    facts: VideoNode, *, query: Query = query_node, limiter: trio.CapacityLimiter
) -> AsyncGenerator[ProbedNode, None]:
    """What asking gives: one answer in the end, a problem before that when it takes longer than 2 s.

    `limiter` lets one thread at a time ask this node: a driver that hangs for ever costs no more than that.
    Ends after the first real answer, or when the device is gone.
    """
    delays, told = list(SOON), ""
    while True:
        problem = ""
        try:
            capabilities = await query(facts.node, limiter=limiter)
        except CameraError as error:
            problem, delays = str(error), []
        except OSError as error:
            if error.errno in GONE:
                return
            if error.errno not in NOT_READY:
                delays = []
            problem = explain(facts.node, error)
        else:
            yield ProbedNode(facts=facts, capabilities=capabilities)
            return
        if not delays and problem != told:
            told = problem
            logger.warning("%s", problem)
            yield ProbedNode(facts=facts, problem=problem)
        await trio.sleep(delays.pop(0) if delays else LATER)


def explain(node: str, error: OSError) -> str:
    """The fault in words that name the remedy."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"{node} may not be opened: add the user that runs edged to the group video."
    if error.errno == errno.EBUSY:
        return f"{node} is used by another program."
    return f"{node} cannot be asked: {error.strerror or error}."

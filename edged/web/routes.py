"""The routes that are answered without Quart, as a table: what stands in it is what there is."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from edged.web.server.asgi import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its whole body is here, `receive` only tells that the asker left."""

    scope: Scope
    body: bytes
    receive: Receive
    send: Send


Answer = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """`rule` is written as Quart's are: `/hls/<slug>/<name>`; a last `<path:name>` takes the rest.

    `answer(asked, *names)` is given what stands in the place of each `<name>`, in their order.
    """

    rule: str
    methods: tuple[str, ...]
    answer: Answer


class Routes:
    """Finds the route of a path: the first in the table that fits."""

    def __init__(self, *routes: Route) -> None:
        self._routes = routes
        self._by_room: dict[str, list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            first, *rest = route.rule.split("/")[1:]
            self._by_room.setdefault(first, []).append((tuple(rest), route))

    def __iter__(self) -> Iterator[Route]:
        """The routes, in their order."""
        return iter(self._routes)

    def find(self, path: str) -> tuple[Route, list[str]] | None:
        """The route of a decoded path and what stands in its names."""
        first, *parts = path.split("/")[1:] or [""]
        for rule, route in self._by_room.get(first, ()):
            names = _fit(rule, parts)
            if names is not None:
                return route, names
        return None


def _fit(rule: tuple[str, ...], parts: list[str]) -> list[str] | None:
    if rule and rule[-1].startswith("<path:"):
        head, rest = rule[:-1], parts[len(rule) - 1 :]
        names = _fit(head, parts[: len(head)]) if rest else None
        return None if names is None else [*names, "/".join(rest)]
    if len(rule) != len(parts):
        return None
    names = []
    for wanted, part in zip(rule, parts, strict=True):
        if not wanted.startswith("<"):
            if wanted != part:
                return None
        elif part.endswith(wanted.partition(">")[2]):
            names.append(part)
        else:
            return None
    return names

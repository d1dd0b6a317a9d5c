"""How much a counter has grown lately: for what is over before anybody looks, but worth knowing."""

from collections import deque


class Recent:
    """Follows counters by name. A counter that goes back began anew; its first value counts for nothing.

    Times are seconds of any steady clock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, int] = {}
        self._steps: dict[str, deque[tuple[float, int]]] = {}

    def note(self, name: str, count: int, now: float) -> int:
        """Take in the counter's value; by how much it grew within the last `seconds`."""
        last = self._last.get(name)
        self._last[name] = count
        steps = self._steps.setdefault(name, deque())
        if last is not None and count != last:
            steps.append((now, count - last if count > last else count))
        while steps and now - steps[0][0] >= self._seconds:
            steps.popleft()
        return sum(grown for _, grown in steps)

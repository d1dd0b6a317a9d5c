"""A clock that a test moves by hand."""


class Clock:
    """Seconds, of whichever clock the test is about."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

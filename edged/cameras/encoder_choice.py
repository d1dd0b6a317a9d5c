"""What a camera asks for an encoder by, and what it is answered."""

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """What is to be encoded: pixels, pictures a second."""

    width: int
    height: int
    fps: float

    @property
    def key(self) -> str:
        """As the notes name it."""
        return f"{self.width}x{self.height}@{math.ceil(self.fps)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The encoder for a job, why, and the only size (pixels) that it was proved for, None: any."""

    name: str
    reason: str
    size: tuple[int, int] | None = None


class EncoderChooser(Protocol):
    """What a camera asks."""

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """The encoder for a camera whose settings want this one; `size` is None while it is unknown."""

    def blame(self, name: str, camera: str, reason: str) -> None:
        """This encoder did wrong at work, for this camera ("": in a trial after that)."""


class NamedOnly:
    """Takes the settings by their word and proves nothing: for those who have no use for hardware."""

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """See EncoderChooser."""
        return Choice(wanted, "")

    def blame(self, name: str, camera: str, reason: str) -> None:
        """See EncoderChooser."""

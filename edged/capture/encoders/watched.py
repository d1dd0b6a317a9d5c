"""An encoder in hardware at work: it was proved, and still is not trusted."""

from collections.abc import Callable
from typing import Any

from edged.capture.encoders.conduct import Conduct
from edged.capture.encoders.encoder import Encoded, Encoder
from edged.capture.encoders.headers import strange
from edged.capture.encoders.pace import Pace
from edged.capture.encoders.picture_check import PictureChecks
from edged.capture.encoders.watch import EncoderWatch
from edged.capture.faults import EncoderError


class WatchedEncoder:
    """Does what `encoder` does, and raises EncoderError once that misbehaves.

    `watch` finds out when it hangs. `on_fault` is called with words when its pictures turn out to be wrong:
    that takes time, so it may be in any thread. `offered` counts the pictures that the camera gave so far.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        watch: EncoderWatch,
        on_fault: Callable[[str], None],
        offered: Callable[[], float],
    ) -> None:
        self.name, self.reason, self.settings = encoder.name, encoder.reason, encoder.settings
        self.forces_keys = encoder.forces_keys
        self._encoder = encoder
        self._watch = watch
        self._conduct = Conduct(forces_keys=encoder.forces_keys, gop=max(1, round(encoder.settings.fps)))
        self._size = (self.settings.width, self.settings.height)
        self._checks = PictureChecks(
            self._size, lambda fault: on_fault(f"{self.name}: {fault}"), bits=self.settings.bits_per_pixel
        )
        self._pace = Pace(offered)

    @property
    def headers(self) -> bytes:
        """See Encoder."""
        return self._encoder.headers

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """See Encoder."""
        self._judge(self._conduct.feed(number, key=key))
        self._checks.feed(number, frame, key=key)
        with self._watch, self._pace:
            encoded = self._encoder.encode(frame, number, key=key)
        self._judge(self._pace.judge())
        return self._take(encoded)

    def flush(self) -> list[Encoded]:
        """See Encoder."""
        with self._watch:
            encoded = self._encoder.flush()
        self._checks.close()
        return self._take(encoded)

    def _take(self, encoded: list[Encoded]) -> list[Encoded]:
        for one in encoded:
            self._judge(self._conduct.take(one))
            self._judge(strange(one.data, is_key=one.is_key, size=self._size))
            self._checks.take(one)
        return encoded

    def _judge(self, fault: str) -> None:
        if fault:
            raise EncoderError(f"{self.name}: {fault}")

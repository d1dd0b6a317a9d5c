"""An encoder in hardware at work: it was proved, and still is not trusted."""

from collections.abc import Callable
from typing import Any

from edged.capture.encoders.conduct import Conduct
from edged.capture.encoders.encoder import Encoded, Encoder
from edged.capture.encoders.key_check import KeyChecks
from edged.capture.encoders.watch import EncoderWatch
from edged.capture.faults import EncoderError


class WatchedEncoder:
    """Does what `encoder` does, and raises EncoderError once that misbehaves.

    `watch` finds out when it hangs. `on_fault` is called with words when its pictures turn out to be wrong:
    that takes time, so it may be in any thread.
    """

    def __init__(self, encoder: Encoder, *, watch: EncoderWatch, on_fault: Callable[[str], None]) -> None:
        self.name, self.reason, self.settings = encoder.name, encoder.reason, encoder.settings
        self.forces_keys = encoder.forces_keys
        self._encoder = encoder
        self._watch = watch
        self._conduct = Conduct(forces_keys=encoder.forces_keys, gop=max(1, round(encoder.settings.fps)))
        self._checks = KeyChecks(
            (self.settings.width, self.settings.height), lambda fault: on_fault(f"{self.name}: {fault}")
        )

    @property
    def headers(self) -> bytes:
        """See Encoder."""
        return self._encoder.headers

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """See Encoder."""
        self._judge(self._conduct.feed(number, key=key))
        if key:
            self._checks.feed(number, frame)
        with self._watch:
            encoded = self._encoder.encode(frame, number, key=key)
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
            if one.is_key:
                self._checks.take(one)
        return encoded

    def _judge(self, fault: str) -> None:
        if fault:
            raise EncoderError(f"{self.name}: {fault}")

"""The part that a playlist hints at (EXT-X-PRELOAD-HINT, RFC 8216bis 4.4.5.3): the next one, not there yet.

Some players (Apple's, ExoPlayer; not hls.js 1.7) ask for it at once and wait. MediaMTX would hold each of
them, and a cache that waits for one answer looks only now and then whether it has come: so who asks for it is
held here, by the playlist in which it will stand, until it is there for all of them.
"""

import re
from dataclasses import dataclass

_HINT = re.compile(rb'^#EXT-X-PRELOAD-HINT:(?=[^\r\n]*TYPE=PART)[^\r\n]*URI="([^"?]+)', re.MULTILINE)
_FIRST = re.compile(rb"^#EXT-X-MEDIA-SEQUENCE:(\d{1,10})", re.MULTILINE)
_SKIPPED = re.compile(rb"^#EXT-X-SKIP:[^\r\n]*SKIPPED-SEGMENTS=(\d{1,6})", re.MULTILINE)
_SEGMENT, _PART = b"#EXTINF:", b"#EXT-X-PART:"
# Answers are given again for a second, so an older playlist may come after a newer one. One that is older
# than so many segments is of a stream that began anew.
OLDER_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class Hint:
    """A part by its name, and where in the stream it will stand: segment (media sequence number), part."""

    name: str
    segment: int
    part: int

    @property
    def query(self) -> bytes:
        """Asks a playlist to wait until it is there."""
        return b"_HLS_msn=%d&_HLS_part=%d" % (self.segment, self.part)


class Hints:
    """The newest hint of each playlist of each camera."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Hint | None]] = {}
        self._read: dict[tuple[str, str], bytes] = {}

    def note(self, camera: str, playlist: str, told: bytes) -> None:
        """Read a playlist that is given to a viewer; the same one is given to many."""
        key = camera, playlist
        if self._read.get(key) is told:
            return
        self._read[key] = told
        hint, known = hint_in(told), self._known.setdefault(camera, {})
        last = known.get(playlist)
        if hint is not None and last is not None and last.segment - hint.segment <= OLDER_SEGMENTS:
            hint = max(hint, last, key=lambda each: (each.segment, each.part))
        known[playlist] = hint

    def find(self, camera: str, name: str) -> tuple[str, Hint] | None:
        """The playlist that hints at this part, and its hint; None for what is there or was never told of."""
        for playlist, hint in self._known.get(camera, {}).items():
            if hint is not None and hint.name == name:
                return playlist, hint
        return None


def hint_in(playlist: bytes) -> Hint | None:
    """What a media playlist hints at."""
    name, first = _HINT.search(playlist), _FIRST.search(playlist)
    if name is None or first is None:
        return None
    skipped = _SKIPPED.search(playlist)
    begun = playlist[max(0, playlist.rfind(_SEGMENT)) :]
    return Hint(
        name[1].decode("latin-1"),
        int(first[1]) + int(skipped[1] if skipped else 0) + playlist.count(_SEGMENT),
        begun.count(_PART),
    )

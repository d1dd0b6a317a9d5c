"""What an MP4 file really holds, box by box: how long it lasts, and where its whole fragments end.

Files come from power cuts, failing disks and strangers: nothing they say about sizes or times is believed
further than the file reaches, and neither loops nor memory grow with their lies.
"""

from dataclasses import dataclass
from typing import BinaryIO

from edged.recordings.mp4 import MAX_BOX, MAX_BOXES, find, fragment_end, next_box, read, said, track_scales

# Footage is cut at midnight: what says that it lasts longer than a day lies. In seconds.
LONGEST = 86_400.0
# Boxes that may stand at the top level of a film (ISO/IEC 14496-12, 23009-1, and QuickTime's fillers).
KNOWN = frozenset(
    b"ftyp moov moof mdat free skip wide mfra styp sidx ssix uuid emsg prft pdin meta udta".split()
)


@dataclass(frozen=True, slots=True)
class Survey:
    """`said`: the seconds that the header tells, None when it tells none that can be true; `counted`: those
    of the whole fragments.

    `header`: the `moov` box's content and where it begins in the file, None without. `fragments` that are
    whole. `whole`: where the last whole thing ends, in bytes; what follows up to `size` is torn.
    """

    size: int
    header: tuple[int, bytes] | None = None
    fragmented: bool = False
    said: float | None = None
    counted: float = 0.0
    fragments: int = 0
    pictures: int = 0
    whole: int = 0

    @property
    def torn(self) -> int:
        """Bytes at the end that are no whole fragment."""
        return self.size - self.whole

    @property
    def duration(self) -> float | None:
        """Seconds, None when nothing can be played."""
        if not self.fragmented:
            return self.said if self.pictures else None
        return min(self.said, self.counted) if self.said and self.counted else self.counted or None

    @property
    def useless(self) -> str:
        """Why nothing of it can be played; "" when something can."""
        if self.size == 0:
            return "empty"
        if self.header is None:
            return "not a film, or its beginning is lost"
        if self.fragmented and not self.fragments:
            return "cut before its first picture"
        if not self.fragmented and not self.pictures:
            return "holds no pictures"
        return ""


def survey(file: BinaryIO, size: int) -> Survey:
    """Look through the whole file of `size` bytes. Raises OSError."""
    header: tuple[int, bytes] | None = None
    fragmented, told, scales = False, None, {}
    counted, fragments, pictures, whole, position = 0.0, 0, 0, 0, 0
    pending: float | None = None  # the end of the fragment whose pictures are yet to come
    for _ in range(MAX_BOXES):
        box = next_box(file, position, size)
        if box is None or box.kind not in KNOWN:
            break
        length = box.end - box.body
        if box.kind == b"moov" and header is None and length <= MAX_BOX:
            data = read(file, box.body, length)
            header, scales = (box.body, data), track_scales(data)
            fragmented = any(find(data, (b"mvex",)))
            told = _believable(said(data)[1])
        if box.kind == b"moof":
            if length > MAX_BOX or not header:
                break
            pending = fragment_end(read(file, box.body, length), scales)
        elif box.kind == b"mdat":
            pictures += length
            if pending is not None:
                fragments += 1
                counted = max(counted, _believable(pending) or 0.0)
            pending = None
        position = box.end
        if pending is None:
            whole = position
    return Survey(size, header, fragmented, told, counted, fragments, pictures, whole)


def read_duration(file: BinaryIO, size: int) -> float | None:
    """Seconds that the MP4 file of `size` bytes lasts; None when it does not say and holds no whole fragment.

    A file closed properly says so in its header, and no more of it is read; of one cut by a power failure the
    fragments are counted. Raises OSError.
    """
    return header_duration(file, size) or survey(file, size).duration


def header_duration(file: BinaryIO, size: int) -> float | None:
    """Seconds by the header alone; None when it does not say. Raises OSError."""
    position = 0
    for _ in range(16):
        box = next_box(file, position, size)
        if box is None or box.kind not in KNOWN or box.kind == b"moof":
            return None
        if box.kind == b"moov":
            if box.end - box.body > MAX_BOX:
                return None
            return _believable(said(read(file, box.body, box.end - box.body))[1])
        position = box.end
    return None


def _believable(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds <= LONGEST else None

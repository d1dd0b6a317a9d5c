"""What an access unit says of itself, read without decoding it. Pure.

ITU-T H.264, 7.3.2.1.1 (seq_parameter_set_data), 9.1 (ue(v), se(v)).
"""

from edged.capture.h264 import IDR, SEQUENCE_PARAMETER_SET, nal_type, nal_units

# profile_idc of those whose SPS tell of the format of colours.
WITH_FORMAT = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
LONGEST_SPS = 512
# An SPS of a still, cropped or not, has none of these beyond: more is rubbish.
MOST_CYCLE = 255
BLOCK = 16


def strange(data: bytes, *, is_key: bool, size: tuple[int, int]) -> str:
    """What is wrong with an access unit (Annex B) of pictures of this size, by its look alone; or nothing."""
    has_slice = False
    for unit in nal_units(data):
        kind = nal_type(unit)
        if kind == SEQUENCE_PARAMETER_SET:
            try:
                found = picture_size(unit)
            except ValueError:
                return "its headers make no sense"
            if found != size:
                return f"its pictures are {found[0]}x{found[1]}, not {size[0]}x{size[1]}"
        has_slice = 1 <= kind <= IDR
        if has_slice:
            # Of more slices nothing is to be learnt.
            return "it calls a picture a key frame that is none" if is_key and kind != IDR else ""
    return "what it gives is no H.264"


def picture_size(sps: bytes) -> tuple[int, int]:
    """Width and height in pixels, cropped, that a NAL unit with an SPS tells. Raises ValueError."""
    data = sps[1:LONGEST_SPS].replace(b"\x00\x00\x03", b"\x00\x00")
    if len(data) < 4:
        raise ValueError("the SPS is too short")
    profile, bits = data[0], _Bits(data[3:])
    bits.number()  # seq_parameter_set_id
    colours = 1
    if profile in WITH_FORMAT:
        colours = _format(bits)
    bits.number()  # log2_max_frame_num_minus4
    _order(bits)
    bits.number()  # max_num_ref_frames
    bits.take(1)
    columns, rows = bits.number() + 1, bits.number() + 1
    fields = 1 if bits.take(1) else 2
    if fields == 2:
        bits.take(1)
    bits.take(1)  # direct_8x8_inference_flag
    left = right = top = bottom = 0
    if bits.take(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
    across = 2 if colours in {1, 2} else 1
    down = fields * (2 if colours == 1 else 1)
    width, height = columns * BLOCK - across * (left + right), fields * rows * BLOCK - down * (top + bottom)
    if width <= 0 or height <= 0:
        raise ValueError("the SPS crops all")
    return width, height


def _format(bits: "_Bits") -> int:
    """chroma_format_idc, and past what follows it."""
    colours = bits.number()
    if colours == 3:
        bits.take(1)
    bits.number()
    bits.number()
    bits.take(1)
    if bits.take(1):
        raise ValueError("scaling matrices: no encoder of ours makes them")
    return colours


def _order(bits: "_Bits") -> None:
    """Past how the order of pictures is told."""
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.take(1)
        bits.number()
        bits.number()
        for _ in range(min(bits.number(), MOST_CYCLE)):
            bits.number()


class _Bits:
    """Reads a bit string from its start. Raises ValueError past its end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the data ended within a number")
        return (self._value >> self._left) & ((1 << count) - 1)

    def number(self) -> int:
        """A ue(v); of an se(v) only its place is of use."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

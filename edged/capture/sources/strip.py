"""The machine-readable wall clock in a picture: a strip of black and white cells along its upper edge.

64 cells of equal width over the whole width: 8 sync bits, 48 bits of unix time in milliseconds (most
significant first), 8 bits of CRC-8 (polynomial 0x07, start 0) over those six bytes. A set bit is white
(Y = 235), a clear one black (Y = 16). The strip is `strip_height` lines high; read it on the middle one.
"""

CELLS = 64
SYNC = 0b10110010
BLACK, WHITE = 16, 235
MIDDLE = (BLACK + WHITE) // 2
MAX_MILLISECONDS = (1 << 48) - 1


def strip_height(height: int) -> int:
    """Lines that the strip takes of a picture of `height` lines; even."""
    return max(8, height // 30 // 2 * 2)


def strip_bits(milliseconds: int) -> tuple[bool, ...]:
    """The 64 bits, left to right. Raises ValueError for a time that 48 bits cannot hold."""
    if not 0 <= milliseconds <= MAX_MILLISECONDS:
        raise ValueError(f"milliseconds {milliseconds} do not fit 48 bits")
    payload = milliseconds.to_bytes(6, "big")
    word = int.from_bytes(bytes((SYNC,)) + payload + bytes((_crc8(payload),)), "big")
    return tuple(bool(word >> (CELLS - 1 - cell) & 1) for cell in range(CELLS))


def strip_row(milliseconds: int, width: int) -> bytes:
    """One line of luma, `width` bytes, to be repeated over the strip's height."""
    edges = [(2 * cell * width + CELLS) // (2 * CELLS) for cell in range(CELLS + 1)]
    bits = strip_bits(milliseconds)
    return b"".join(
        (b"\xeb" if bit else b"\x10") * (edges[cell + 1] - edges[cell]) for cell, bit in enumerate(bits)
    )


def read_strip(luma_row: bytes | bytearray | memoryview, width: int) -> int | None:
    """The unix time in milliseconds on this line of luma (`width` bytes or more); None if there is none."""
    if width < CELLS or len(luma_row) < width:
        return None
    word = 0
    for cell in range(CELLS):
        word = word << 1 | (luma_row[(2 * cell + 1) * width // (2 * CELLS)] > MIDDLE)
    data = word.to_bytes(8, "big")
    payload = data[1:7]
    if data[0] != SYNC or data[7] != _crc8(payload):
        return None
    return int.from_bytes(payload, "big")


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value

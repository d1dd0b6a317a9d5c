"""A bitmap font of 5 x 7 dots with the few signs that a clock needs: no font file, no drawtext."""

WIDTH, HEIGHT = 5, 7
ADVANCE = WIDTH + 1

_GLYPHS = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ":": (0, 12, 12, 0, 12, 12, 0),
    "-": (0, 0, 0, 31, 0, 0, 0),
    ".": (0, 0, 0, 0, 0, 12, 12),
    "U": (17, 17, 17, 17, 17, 17, 14),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "C": (14, 17, 16, 16, 16, 17, 14),
    " ": (0, 0, 0, 0, 0, 0, 0),
}


class Font:
    """Text as lines of luma: each dot is `scale` pixels wide, light on dark."""

    def __init__(self, scale: int, *, light: int, dark: int) -> None:
        on, off = bytes((light,)) * scale, bytes((dark,)) * scale
        self._scale = scale
        self._rows = {
            sign: tuple(
                b"".join(on if dots >> (WIDTH - 1 - x) & 1 else off for x in range(WIDTH)) + off
                for dots in glyph
            )
            for sign, glyph in _GLYPHS.items()
        }

    def width(self, length: int) -> int:
        """Pixels that `length` signs take."""
        return length * ADVANCE * self._scale

    def rows(self, text: str) -> list[bytes]:
        """The lines of luma, from the first to the last. Signs that the font lacks are left blank."""
        blank = self._rows[" "]
        glyphs = [self._rows.get(sign, blank) for sign in text]
        return [row for y in range(HEIGHT) for row in (b"".join(glyph[y] for glyph in glyphs),) * self._scale]

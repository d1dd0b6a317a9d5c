"""What size a picture is encoded at: pure, and free of libav, so that the daemon may ask too."""

from fractions import Fraction


def fit(width: int, height: int, wanted_width: int | None, wanted_height: int | None) -> tuple[int, int]:
    """The largest even size of the same shape that is neither larger than the picture nor than wanted."""
    shrink = min(
        Fraction(1),
        Fraction(wanted_width or width, width),
        Fraction(wanted_height or height, height),
    )
    return max(2, int(width * shrink) // 2 * 2), max(2, int(height * shrink) // 2 * 2)

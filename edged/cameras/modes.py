"""Which of a camera's modes to try, in which order: pure policy over what the driver offers.

The picture's size counts first, then how little it costs: native H.264 needs no transcoding, MJPEG is what
USB can carry, raw pictures only where nothing else is. Smaller modes follow: for when the bus is full.
"""

from dataclasses import dataclass

from edged.capture.job import Mode

MOST_MODES = 8
# Slower than this is not moving any more; such modes are the last resort.
LEAST_FPS = 15.0
# Bytes a second that a camera may use of the bus, by the bus' speed in Mbit/s: isochronous transfers of USB 2
# carry 24.5 MB/s at most, those of full speed 1 MB/s; faster ones are taken at half their figure.
USB_BYTES = {12: 1.0e6, 480: 24.5e6}
RAW_BYTES = {"yuyv422": 2.0, "nv12": 1.5}
COST = {"h264": 0, "mjpeg": 1, "yuyv422": 2, "nv12": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the settings ask for: an exact size, or the largest up to a limit; pictures a second."""

    width: int | None = None
    height: int | None = None
    max_width: int = 1920
    max_height: int = 1080
    fps: float = 30.0


def choose_modes(offered: "tuple[Mode, ...]", wanted: Wanted, *, usb_speed: float = 0) -> tuple[Mode, ...]:
    """The modes to try, best first, at most 8; () only when nothing was offered.

    `usb_speed` in Mbit/s, 0 when unknown: raw modes that cannot pass it are left out while others remain.
    """
    carried = tuple(mode for mode in offered if _passes(mode, usb_speed)) or offered
    best_rates = _one_rate_each(carried, wanted.fps)
    fitting = [mode for mode in best_rates if _fits(mode, wanted)]
    larger = [mode for mode in best_rates if not _fits(mode, wanted)]
    raw_area = max((_area(mode) for mode in fitting if mode.pixel_format in RAW_BYTES), default=0)
    fitting.sort(key=lambda mode: _rank(mode, wanted, raw_area))
    # The worker scales down, so what is too large still serves, the smallest of it first.
    larger.sort(key=lambda mode: (_is_raw(mode), _area(mode), COST[mode.pixel_format]))
    return tuple((fitting + larger)[:MOST_MODES])


def _rank(mode: Mode, wanted: Wanted, raw_area: int) -> tuple[bool, int, bool, int, int, float]:
    # A compressed picture that is tiny beside the raw ones is a preview, not the picture.
    tiny = _area(mode) * 4 <= raw_area
    group = 1 if _is_raw(mode) else 2 if tiny else 0
    exact = (mode.width, mode.height) == (wanted.width, wanted.height)
    slow = mode.fps < min(LEAST_FPS, wanted.fps)
    return (slow, group, not exact, -_area(mode), COST[mode.pixel_format], -mode.fps)


def _one_rate_each(modes: "tuple[Mode, ...]", fps: float) -> list[Mode]:
    """For each format and size the rate that serves `fps` best."""
    best: dict[tuple[str, int, int], Mode] = {}
    for mode in modes:
        key = (mode.pixel_format, mode.width, mode.height)
        known = best.get(key)
        if known is None or _rate_rank(mode.fps, fps) < _rate_rank(known.fps, fps):
            best[key] = mode
    return list(best.values())


def _rate_rank(rate: float, fps: float) -> tuple[int, float]:
    """The fastest that is not above `fps`, unless it is much slower; else the slowest above."""
    if 0.6 * fps <= rate <= fps * 1.01:
        return (0, -rate)
    return (1, rate) if rate > fps else (2, -rate)


def _fits(mode: Mode, wanted: Wanted) -> bool:
    return mode.width <= (wanted.width or wanted.max_width) and mode.height <= (
        wanted.height or wanted.max_height
    )


def _passes(mode: Mode, usb_speed: float) -> bool:
    if not _is_raw(mode) or usb_speed <= 0:
        return True
    room = USB_BYTES.get(int(usb_speed), usb_speed * 1e6 / 8 / 2)
    return _area(mode) * RAW_BYTES[mode.pixel_format] * mode.fps <= room


def _area(mode: Mode) -> int:
    return mode.width * mode.height


def _is_raw(mode: Mode) -> bool:
    return mode.pixel_format in RAW_BYTES

"""What a USB webcam says of itself: descriptors of USB Video Class 1.1 and USB Audio Class 1.

Pictures come over a bulk endpoint (redirection has no isochronous video), sound over an isochronous one.
"""

import struct

HIGH_BANDWIDTH = 500  # what it draws from the bus, in mA
VIDEO_ENDPOINT, AUDIO_ENDPOINT = 0x81, 0x82
VIDEO_PACKET, AUDIO_PACKET = 512, 96
CONTROL, STREAMING, SOUND_CONTROL, SOUND = range(4)  # interfaces
VIDEO, AUDIO = 0x0E, 0x01  # classes
MJPEG, YUYV = 1, 2  # formats, as the host names them
PROCESSING_UNIT = 2
YUY2_GUID = b"YUY2\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
CLOCK = 48_000_000
SOUND_RATE = 48000
SECOND = 10_000_000  # UVC counts in steps of 100 ns


def interfaces(*, microphone: bool) -> list[tuple[int, int, int]]:
    """Number, class and subclass of each interface."""
    found = [(CONTROL, VIDEO, 1), (STREAMING, VIDEO, 2)]
    return [*found, (SOUND_CONTROL, AUDIO, 1), (SOUND, AUDIO, 2)] if microphone else found


def device(vendor: int, product: int, *, serial: bool) -> bytes:
    """The device descriptor; strings 1, 2 and, if it has one, 3 are maker, product and serial."""
    numbers = (18, 1, 0x200, 0xEF, 2, 1, 64, vendor, product, 0x100, 1, 2, 3 if serial else 0, 1)
    return struct.pack("<BBHBBBBHHHBBBB", *numbers)


def configuration(sizes: tuple[tuple[int, int], ...], rates: tuple[int, ...], *, microphone: bool) -> bytes:
    """The one configuration: both formats in all sizes (pixels) at all rates (pictures a second)."""
    body = _video_control() + _video_streaming(sizes, rates)
    count = 2
    if microphone:
        body += _microphone()
        count = 4
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), count, 1, 0, 0x80, HIGH_BANDWIDTH // 2) + body


def _association(first: int, count: int, kind: int, subclass: int, name: int) -> bytes:
    return bytes([8, 0x0B, first, count, kind, subclass, 0, name])


def _interface(number: int, setting: int, endpoints: int, kind: int, subclass: int, name: int) -> bytes:
    return bytes([9, 4, number, setting, endpoints, kind, subclass, 0, name])


def _video_control() -> bytes:
    camera = struct.pack("<BBBBHBBHHHB3s", 18, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3, b"\0\0\0")
    processing = struct.pack("<BBBBBHBHBB", 12, 0x24, 5, PROCESSING_UNIT, 1, 0, 2, 1, 0, 0)
    output = struct.pack("<BBBBHBBB", 9, 0x24, 3, 3, 0x0101, 0, PROCESSING_UNIT, 0)
    units = camera + processing + output
    head = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0110, 13 + len(units), CLOCK, 1, STREAMING)
    return _association(CONTROL, 2, VIDEO, 3, 2) + _interface(CONTROL, 0, 0, VIDEO, 1, 2) + head + units


def _video_streaming(sizes: tuple[tuple[int, int], ...], rates: tuple[int, ...]) -> bytes:
    mjpeg = struct.pack("<BBBBBBBBBBB", 11, 0x24, 6, MJPEG, len(sizes), 0, 1, 0, 0, 0, 0)
    yuyv = struct.pack("<BBBBB16sBBBBBB", 27, 0x24, 4, YUYV, len(sizes), YUY2_GUID, 16, 1, 0, 0, 0, 0)
    colours = bytes([6, 0x24, 0x0D, 1, 1, 4])
    formats = b"".join(
        head + b"".join(_frame(kind, i, size, rates) for i, size in enumerate(sizes, 1)) + colours
        for head, kind in ((mjpeg, 7), (yuyv, 5))
    )
    head = struct.pack(
        "<BBBBHBBBBBBBBB", 15, 0x24, 1, 2, 15 + len(formats), VIDEO_ENDPOINT, 0, 3, 0, 0, 0, 1, 0, 0
    )
    endpoint = struct.pack("<BBBBHB", 7, 5, VIDEO_ENDPOINT, 2, VIDEO_PACKET, 0)
    return _interface(STREAMING, 0, 1, VIDEO, 2, 0) + head + formats + endpoint


def _frame(kind: int, number: int, size: tuple[int, int], rates: tuple[int, ...]) -> bytes:
    width, height = size
    bits = width * height * 16
    numbers = (kind, number, 0, width, height, bits * min(rates), bits * max(rates), width * height * 2)
    intervals = b"".join(struct.pack("<I", SECOND // rate) for rate in rates)
    return (
        struct.pack("<BB", 26 + len(intervals), 0x24)
        + struct.pack("<BBBHHIII", *numbers)
        + struct.pack("<IB", SECOND // rates[0], len(rates))
        + intervals
    )


def _microphone() -> bytes:
    capsule = struct.pack("<BBBBHBBHBB", 12, 0x24, 2, 1, 0x0201, 0, 1, 0, 0, 0)
    output = struct.pack("<BBBBHBBB", 9, 0x24, 3, 2, 0x0101, 0, 1, 0)
    head = struct.pack("<BBBHHBB", 9, 0x24, 1, 0x0100, 9 + len(capsule + output), 1, SOUND)
    kind = bytes([11, 0x24, 2, 1, 1, 2, 16, 1]) + struct.pack("<I", SOUND_RATE)[:3]
    endpoint = struct.pack("<BBBBHBBB", 9, 5, AUDIO_ENDPOINT, 5, AUDIO_PACKET, 4, 0, 0)
    return (
        _association(SOUND_CONTROL, 2, AUDIO, 2, 4)
        + _interface(SOUND_CONTROL, 0, 0, AUDIO, 1, 4)
        + (head + capsule + output)
        + _interface(SOUND, 0, 0, AUDIO, 2, 0)
        + _interface(SOUND, 1, 1, AUDIO, 2, 0)
        + struct.pack("<BBBBBH", 7, 0x24, 1, 2, 1, 1)
        + (kind + endpoint + bytes([7, 0x25, 1, 0, 0, 0, 0]))
    )

"""Where footage is cut, and how the pieces are called."""

import itertools
from dataclasses import replace

from capture.encoded import AUDIO, FPS, NOON, interleave, sound, video, video_info
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.footage.splitter import Close, Open, Splitter, Write
from edged.capture.packets import EncodedPacket


class Pieces:
    """What a splitter made of packets."""

    def __init__(self, packets: list[EncodedPacket], seconds: float = 60, *, audio: bool = False) -> None:
        streams = (video_info(), AUDIO) if audio else (video_info(),)
        self.splitter = Splitter(streams, seconds)
        self.starts: list[float] = []
        self.files: list[list[EncodedPacket]] = []
        self.reasons: list[str] = []
        self.feed(packets)

    def feed(self, packets: list[EncodedPacket]) -> "Pieces":
        for packet in packets:
            self.act(self.splitter.feed(packet))
        return self

    def act(self, actions: list[Open | Write | Close]) -> None:
        for action in actions:
            if isinstance(action, Open):
                assert len(self.reasons) == len(self.files), "two files open at once"
                self.starts.append(action.start)
                self.files.append([])
            elif isinstance(action, Write):
                assert len(self.reasons) == len(self.files) - 1, "written into no file"
                self.files[-1].append(action.packet)
            else:
                self.reasons.append(action.reason)

    def frames(self) -> list[list[int]]:
        return [[p.number for p in file if p.stream == "video"] for file in self.files]


def test_cuts_at_the_key_frame_when_the_length_is_reached() -> None:
    pieces = Pieces(video(30 * 7), 3)
    assert pieces.frames() == [list(range(90)), list(range(90, 180)), list(range(180, 210))]
    assert pieces.starts == [NOON, NOON + 3, NOON + 6]
    assert pieces.reasons == ["", ""]


def test_first_file_begins_at_a_key_frame() -> None:
    assert Pieces(video(60, first=10)).frames() == [list(range(30, 70))]


def test_cuts_at_utc_midnight() -> None:
    midnight = NOON + 12 * 3600
    pieces = Pieces(video(120, wall=midnight - 2))
    assert pieces.starts == [midnight - 2, midnight]
    assert pieces.frames()[1][0] == 60


def test_length_is_measured_by_the_camera_not_by_a_clock_that_is_set() -> None:
    packets = video(30 * 20)
    packets = [replace(p, wall=p.wall + 3600) if p.number >= 100 else p for p in packets]
    pieces = Pieces(packets, 60)
    assert pieces.frames() == [list(range(120)), list(range(120, 600))]
    assert pieces.starts == [NOON, NOON + 3604]
    assert pieces.reasons == ["the system clock was set"]


def test_names_stay_in_order_when_the_clock_is_set_back() -> None:
    packets = [replace(p, wall=p.wall - 1800) if p.number >= 100 else p for p in video(30 * 15)]
    pieces = Pieces(packets, 4)
    assert pieces.starts == sorted(set(pieces.starts))
    assert pieces.starts[1] == NOON + 4, "goes on where the file before ended"
    assert pieces.frames() == [list(range(at, min(at + 120, 450))) for at in range(0, 450, 120)]


def test_clock_that_was_wrong_by_more_than_a_day_is_followed_at_once() -> None:
    packets = [replace(p, wall=p.wall - 10 * 86400) if p.number >= 100 else p for p in video(240)]
    assert Pieces(packets, 60).starts == [NOON, NOON + 4 - 10 * 86400]


def test_slow_drift_between_camera_and_clock_does_not_gather_in_the_names() -> None:
    # The camera's second lasts 0.9995 s: over 40 files that is 0.08 s.
    packets = [replace(p, wall=NOON + p.number / FPS * 0.9995) for p in video(30 * 160)]
    pieces = Pieces(packets, 4)
    assert len(pieces.starts) == 40
    for start, file in zip(pieces.starts, pieces.files, strict=True):
        assert abs(start - file[0].wall) < 0.001


def test_camera_clock_that_jumps_begins_a_new_file() -> None:
    for jump in (-90_000 * 1000, 90_000 * 60):
        packets = video(60) + video(60, first=60, clock=jump)
        pieces = Pieces(packets, 60)
        assert pieces.frames() == [list(range(60)), list(range(60, 120))]
        assert pieces.reasons == ["the camera's clock jumped"]


def test_other_picture_begins_a_new_file() -> None:
    pieces = Pieces(video(60) + video(60, first=60, size=(192, 112)))
    assert pieces.frames() == [list(range(60)), list(range(60, 120))]
    assert pieces.reasons == ["the picture changed its format"]


def test_hole_in_the_picture_stays_a_hole() -> None:
    packets = [p for p in video(180) if not 70 <= p.number < 80]
    assert Pieces(packets, 60).frames() == [[n for n in range(180) if not 70 <= n < 80]]


def test_late_sound_goes_into_the_file_it_belongs_to() -> None:
    for late in (-0.2, 0.0, 0.013, 0.2):
        packets = interleave(video(30 * 7), sound(7), late)
        pieces = Pieces(packets, 2, audio=True)
        assert pieces.frames() == [
            list(range(60)),
            list(range(60, 120)),
            list(range(120, 180)),
            list(range(180, 210)),
        ]
        for at, file in enumerate(pieces.files[:-1]):
            times = [p.pts / 48_000 for p in file if p.stream == "audio"]
            assert all(2 * at - 1e-9 <= time for time in times)
            if late >= 0:
                assert all(time < 2 * at + 2 for time in times)
        kept = [p.pts for file in pieces.files for p in file if p.stream == "audio"]
        assert len(kept) == len(set(kept))
        if late >= 0:
            assert len(kept) >= 50 * 7 - 15, "sound is lost at no cut"


def test_silent_microphone_does_not_hold_the_picture() -> None:
    packets = interleave(video(30 * 7), sound(2.9), 0.05)
    pieces = Pieces(packets, 3, audio=True)
    assert pieces.frames() == [list(range(90)), list(range(90, 180)), list(range(180, 210))]


def test_end_closes_and_the_next_file_begins_at_a_key_frame() -> None:
    pieces = Pieces(video(45))
    pieces.act(pieces.splitter.end("switched off"))
    assert pieces.reasons == ["switched off"]
    assert not pieces.splitter.is_open
    pieces.feed(video(45, first=45))
    assert pieces.frames()[1] == list(range(60, 90))


def test_end_while_waiting_for_sound_loses_no_frame() -> None:
    pieces = Pieces(interleave(video(92), sound(2.95), 0.05), 3, audio=True)
    assert len(pieces.files) == 1
    pieces.act(pieces.splitter.end("stopped"))
    assert pieces.frames() == [list(range(90)), [90, 91]]
    assert pieces.reasons == ["", "stopped"]


@given(st.lists(st.tuples(st.integers(-2, 3), st.floats(-1000, 1000)), max_size=40))
def test_whatever_the_clocks_do_no_name_comes_twice_and_files_begin_with_key_frames(
    steps: list[tuple[int, float]],
) -> None:
    packets, pts, wall = [], 0, NOON
    for number, (frames, seconds) in enumerate(steps):
        pts += frames * 3000
        wall += seconds
        packets.append(replace(video(1)[0], pts=pts, wall=wall, number=number))
    pieces = Pieces(packets, 1)
    assert len(set(pieces.starts)) == len(pieces.starts)
    assert all(b > a for a, b in itertools.pairwise(pieces.starts))
    for file in pieces.files:
        assert file[0].is_key
        assert all(b.pts > a.pts for a, b in itertools.pairwise(file))

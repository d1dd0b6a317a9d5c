"""Recorded footage holds every frame once, under the right time."""

import itertools
from dataclasses import dataclass

import pytest
from lab.appliance import running_appliance
from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.feeder import running_feeder
from lab.footage import Footage, read_footage, segments
from lab.processes import wait_until

pytestmark = [pytest.mark.mockcam, pytest.mark.slow]

SEGMENT_SECONDS = 4
SEGMENTS = 4
FRAME = 1 / 30


@dataclass(frozen=True)
class Take:
    """What was recorded of a camera that shows the clock strip, and which strips it showed (unix ms)."""

    footage: list[Footage]
    shown: list[int]
    dropped: int


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """Some segments recorded by the real daemon."""
    folder = tmp_path_factory.mktemp("footage")
    pipe = folder / "pipe"
    with running_feeder(pipe) as feeder:
        camera = MockCamera(modes=(MockMode(frames=str(pipe), live=True),), jitter=0.002, plugged=True)
        with (
            mock_cameras(camera, folder=folder) as cameras,
            running_appliance(
                folder / "edged",
                engine="embedded",
                settings=f"[recording]\nsegment_seconds = {SEGMENT_SECONDS}\n",
                environment=cameras.environment,
            ) as appliance,
        ):
            (slug,) = wait_until(appliance.cameras, what="a camera", seconds=10)
            place = appliance.recordings / slug
            wait_until(
                lambda: len(segments(place)) >= SEGMENTS,
                what="segments",
                seconds=SEGMENTS * SEGMENT_SECONDS + 15,
            )
            dropped = appliance.camera(slug)["dropped"]
            appliance.stop()
        shown = [int(line) for line in feeder.lines()]
    return Take([read_footage(path, strip=True) for path in segments(place)], shown, dropped)


@pytest.fixture
def footage(take: Take) -> list[Footage]:
    """The recorded files, oldest first."""
    assert len(take.footage) >= SEGMENTS
    return take.footage


def test_every_segment_decodes_and_has_the_length_it_says(footage: list[Footage]) -> None:
    for one in footage:
        assert one.duration == pytest.approx(one.times[-1] + FRAME, abs=0.05)
    for one in footage[:-1]:
        assert one.duration == pytest.approx(SEGMENT_SECONDS, abs=1.1)


def test_every_frame_that_the_camera_gave_is_recorded_once(take: Take, footage: list[Footage]) -> None:
    recorded = [stamp for one in footage for stamp in one.stamps]
    assert None not in recorded, "a frame whose clock strip cannot be read"
    first, last = take.shown.index(recorded[0]), take.shown.index(recorded[-1])
    given = take.shown[first : last + 1]
    lost = [stamp for stamp in given if stamp not in recorded]
    assert recorded == [stamp for stamp in given if stamp not in lost]
    # A machine that is busy with other things may cost some, each counted as dropped before the encoder.
    assert len(lost) <= take.dropped < 15


def test_neighbours_join_without_a_hole(footage: list[Footage]) -> None:
    for before, after in itertools.pairwise(footage):
        assert abs(after.start - (before.start + before.duration)) <= FRAME


def test_names_tell_when_the_first_frame_was_taken(footage: list[Footage]) -> None:
    for one in footage:
        assert one.stamps[0] is not None
        assert one.start == pytest.approx(one.stamps[0] / 1000, abs=0.1)


def test_frames_keep_their_true_times(footage: list[Footage]) -> None:
    for one in footage:
        for time, stamp in zip(one.times, one.stamps, strict=True):
            assert stamp is not None
            assert one.start + time == pytest.approx(stamp / 1000, abs=0.1)

"""The disk's bar, the forecast in words, and the ways of the player test."""

import pytest

from edged.media.engine import LiveOffer
from edged.recordings.volume import VolumeView
from edged.web.pages import present
from edged.web.pages.players import ways_of
from edged.web.pages.system import disk_of

GB = 1_000_000_000


def test_the_bar_of_the_disk_adds_up() -> None:
    disk = disk_of(VolumeView(state="ok", total=100 * GB, free=40 * GB), floor=10 * GB, footage=45 * GB)
    assert (disk.used, disk.footage, disk.free) == (60 * GB, 45 * GB, 40 * GB)
    assert disk.footage_share + disk.other_share == pytest.approx(60)
    assert disk.floor_share == 10


def test_a_disk_that_is_gone_is_told_of_without_numbers() -> None:
    disk = disk_of(VolumeView(state="missing", reason="It is not there."), floor=0, footage=GB)
    assert (disk.used, disk.footage_share, disk.reason) == (0, 0, "It is not there.")


def test_footage_that_hides_behind_a_missing_disk_is_never_more_than_is_used() -> None:
    disk = disk_of(VolumeView(state="ok", total=10 * GB, free=8 * GB), floor=GB, footage=5 * GB)
    assert disk.footage == 2 * GB


@pytest.mark.parametrize(
    ("kept", "by_space", "said"),
    [
        (None, False, "known after some minutes"),
        (1.0, False, "kept for 24 hours"),
        (12.4, True, "reach back 12 days"),
        (0.5, True, "reach back 12 hours"),
        (0.01, True, "reach back 14 min"),
    ],
)
def test_the_forecast_is_told_roughly(kept: float | None, by_space: bool, said: str) -> None:
    assert said in present.forecast(kept, by_space=by_space)


def test_the_player_test_shows_what_the_pages_use_and_each_way_by_itself() -> None:
    whole = ways_of(LiveOffer(webrtc=True, hls=True, low_latency=True))
    assert [(way.key, way.modes, way.offered) for way in whole] == [
        ("auto", "webrtc hls", True),
        ("webrtc", "webrtc", True),
        ("ll_hls", "hls", True),
        ("hls", "hls", True),
    ]
    embedded = ways_of(LiveOffer(webrtc=False, hls=True, low_latency=False))
    assert [way.offered for way in embedded] == [True, False, False, True]

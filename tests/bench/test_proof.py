"""Who claims to publish, record and keep a still is believed only when it is there."""

import os
from pathlib import Path

import pytest

from tests.bench.capture_run import lost
from tests.bench.proof import Kept, Viewer, check_still, rate_of

JPEG = b"\xff\xd8 a picture"


def test_rate_is_that_of_the_times_so_that_gaps_are_lost_pictures() -> None:
    assert rate_of([n / 30 for n in range(31)]) == pytest.approx(30)
    assert rate_of([n / 6 for n in range(7)]) == pytest.approx(6)


def test_lost_pictures_are_those_of_the_worst_rate() -> None:
    assert lost(30, 29.7) == pytest.approx(1)
    assert lost(6, 30) == pytest.approx(80)
    assert lost(30.2, 30.1) == 0


def test_nothing_published_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no pictures arrive"):
        Viewer("rtsp://127.0.0.1:1/none").rate()


def test_still_must_be_there_be_fresh_and_be_a_jpeg(tmp_path: Path) -> None:
    still = tmp_path / "still.jpg"
    with pytest.raises(AssertionError, match="no still"):
        check_still(still)
    still.write_bytes(b"GIF89a")
    with pytest.raises(AssertionError, match="no JPEG of just now"):
        check_still(still)
    still.write_bytes(JPEG)
    check_still(still)
    os.utime(still, (1, 1))
    with pytest.raises(AssertionError, match="no JPEG of just now"):
        check_still(still)


def test_footage_must_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.proof.GROWN", 0.0)
    kept = Kept(None, tmp_path)
    with pytest.raises(AssertionError, match="grows"):
        kept.check(kept.size())
    (tmp_path / "2026-01-02").mkdir()
    (tmp_path / "2026-01-02/a.mp4").write_bytes(b"footage")
    assert kept.size() == 7
    kept.check(0)
    with pytest.raises(AssertionError, match="grows"):
        kept.check(7)


def test_what_was_not_asked_for_need_not_be_there() -> None:
    Kept(None, None).check(0)

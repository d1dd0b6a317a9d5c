"""What is said of cameras in trouble: at once, with a remedy, and never without need."""

from typing import Any

import msgspec
import pytest

from edged.cameras.findings import CameraFindings
from edged.cameras.state import CameraView
from edged.health import Finding

LIVE = CameraView(
    slug="door",
    name="Door",
    state="live",
    since=1.0,
    recording=True,
    recording_wanted=True,
    live_connected=True,
    frames_out=100,
)


class Yard:
    """One camera; each look is a second later and, live, sees new frames."""

    def __init__(self, view: CameraView = LIVE, *, configured: frozenset[str] = frozenset()) -> None:
        self.view, self.now = view, 0.0
        self.source = CameraFindings(lambda: (self.view,), configured=configured, monotonic=lambda: self.now)

    def look(self, **changes: Any) -> dict[str, Finding]:
        self.now += 1
        frames = self.view.frames_out + 30 * (self.view.state == "live")
        self.view = msgspec.structs.replace(self.view, **{"frames_out": frames, **changes})
        return {finding.id.partition(":")[0]: finding for finding in self.source.findings()}


def test_camera_that_is_live_and_recorded_has_no_findings() -> None:
    yard = Yard()
    assert not any(yard.look() for _ in range(700))


@pytest.mark.parametrize(
    ("seen", "configured", "severity", "id_"),
    [
        (100, False, "warning", "camera.unplugged"),
        (0, True, "warning", "camera.unplugged"),
        (0, False, "info", "camera.absent"),
    ],
    ids=["was live", "in the settings", "from last year"],
)
def test_unplugged_camera_is_only_missed_when_somebody_misses_it(
    seen: int, configured: bool, severity: str, id_: str
) -> None:
    names = frozenset({"door"} if configured else ())
    found = Yard(configured=names).look(state="unplugged", frames_out=seen, recording=False)
    assert {id_: severity} == {key: finding.severity for key, finding in found.items()}


def test_disabled_camera_is_left_alone() -> None:
    assert not Yard().look(state="disabled", frames_out=0, recording=False, recording_wanted=True)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("another program uses the camera", "fuser"),
        ("no format of the camera, or no encoder, works: no usable mode (refused)", "size"),
        ("MJPG 640x480@30 refused: no bandwidth left on the USB bus", "port"),
        ("/dev/video0: no permission; the user of edged must be in the group 'video'", "group"),
        ("the capture worker refused its job", "edged check"),
        ("something else", "Unplug"),
    ],
)
def test_failed_camera_names_its_cause_and_the_remedy_that_fits(reason: str, word: str) -> None:
    found = Yard().look(state="failed", reason=reason, recording=False)
    finding = found["camera.failed"]
    assert (finding.severity, finding.subject) == ("error", "camera:door")
    assert reason in finding.cause
    assert word in finding.remedy


def test_frozen_camera_is_told_before_its_worker_is_replaced_and_keeps_its_id() -> None:
    yard = Yard()
    yard.look()
    seconds = next(n for n in range(1, 9) if "camera.stalled" in yard.look(frames_out=130))
    assert seconds <= 4
    assert "camera.stalled" in yard.look(state="stalled", reason="no new picture for 5 s")
    assert "camera.stalled" not in yard.look(state="live", frames_out=3, restarts=1)


def test_restart_is_told_for_a_minute_and_often_ones_as_a_warning() -> None:
    yard = Yard()
    yard.look()
    crash = "the capture worker was ended by signal 11"
    found = yard.look(restarts=1, last_error=crash)
    assert found["camera.restarted"].severity == "info"
    assert crash in found["camera.restarted"].cause
    for _ in range(60):
        found = yard.look()
    assert not found
    yard.look(restarts=2)
    found = yard.look(restarts=3)
    assert found["camera.restarts"].severity == "warning"
    assert "3 times" in found["camera.restarts"].cause
    for _ in range(601):
        found = yard.look()
    assert not found


def test_recording_held_by_the_house_is_an_error_with_the_reason() -> None:
    found = Yard().look(recording=False, recording_held="the recordings disk is full")
    assert found["camera.recording-held"].severity == "error"
    assert "disk is full" in found["camera.recording-held"].cause


def test_wait_for_a_key_frame_is_no_trouble_until_it_lasts() -> None:
    yard = Yard()
    waiting = {"recording": False, "recording_reason": "waiting for a key frame"}
    assert not yard.look(**waiting)
    assert not yard.look(**waiting)
    assert not yard.look(recording=True, recording_reason="")
    assert not yard.look(**waiting)
    for _ in range(3):
        found = yard.look(**waiting)
    assert found["camera.not-recorded"].severity == "error"


def test_recording_that_fails_is_told_at_once() -> None:
    found = Yard().look(recording=False, recording_reason="the recordings disk fails: EIO")
    assert "EIO" in found["camera.not-recorded"].cause


def test_recording_nobody_wants_is_not_missed() -> None:
    yard = Yard()
    for _ in range(10):
        found = yard.look(recording=False, recording_wanted=False, recording_reason="switched off")
    assert not found


def test_slow_disk_is_a_warning_and_lost_frames_are_an_error_for_a_minute() -> None:
    yard = Yard()
    yard.look()
    assert "camera.recording-slow" in yard.look(recording_reason="the recordings disk is slow to answer")
    found = yard.look(recording_reason="", recording_dropped=42)
    assert (found["camera.footage-lost"].severity, "42" in found["camera.footage-lost"].cause) == (
        "error",
        True,
    )
    for _ in range(60):
        found = yard.look()
    assert not found


def test_smaller_mode_for_lack_of_usb_bandwidth_says_why() -> None:
    reason = "mjpeg 1920x1080@30 refused: no bandwidth left on the USB bus"
    found = Yard().look(mode_reason=reason)
    assert found["camera.usb-bandwidth"].severity == "warning"
    assert reason in found["camera.usb-bandwidth"].cause


def test_mode_that_the_camera_merely_does_not_support_is_no_trouble() -> None:
    assert not Yard().look(mode_reason="mjpeg 1920x1080@30 refused: not supported by the camera")


def test_mute_microphone_and_unseen_picture_are_told_when_they_last() -> None:
    yard = Yard()
    for _ in range(3):
        assert not yard.look(audio_wanted=True, live_connected=False)
    found = yard.look()
    assert {"camera.mute", "camera.not-shown"} == found.keys()
    assert not yard.look(audio=True, live_connected=True)


@pytest.mark.parametrize("source", ["v4l2", "synthetic", "file", "rtsp"])
@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("the capture worker was ended by signal 9", "journalctl -k"),
        ("the capture worker was ended by signal 9: another program uses it", "journalctl -k"),
        ("the capture worker was ended by signal 11", "report"),
        ("the capture worker was ended by signal 15", "Somebody"),
        ("no new picture for 5 s, the capture worker hangs", "dmesg"),
        ("the capture worker does not start", "free"),
    ],
)
def test_worker_that_was_ended_is_no_matter_of_cables(source: Any, reason: str, word: str) -> None:
    for state in ("failed", "stalled"):
        found = Yard().look(state=state, reason=reason, recording=False, source=source)
        (finding,) = found.values()
        assert word in finding.remedy
        assert "cable" not in finding.remedy


@pytest.mark.parametrize("source", ["synthetic", "file", "rtsp"])
def test_camera_without_a_plug_is_not_to_be_unplugged(source: Any) -> None:
    yard = Yard()
    found = yard.look(state="stalled", reason="no new picture for 5 s", recording=False, source=source)
    assert "nplug" not in found["camera.stalled"].remedy
    assert (
        "cable"
        in Yard().look(state="stalled", reason="no new picture", source="v4l2")["camera.stalled"].remedy
    )


def test_second_restart_soon_after_the_first_is_a_warning_for_a_moment() -> None:
    yard = Yard()
    yard.look()
    assert yard.look(restarts=1)["camera.restarted"].severity == "info"
    found = yard.look(restarts=2, last_error="the capture worker was ended by signal 9")
    assert found["camera.restarted"].severity == "warning"
    assert "2 times" in found["camera.restarted"].cause
    assert "journalctl -k" in found["camera.restarted"].remedy
    for _ in range(15):
        found = yard.look()
    assert found["camera.restarted"].severity == "info"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("waiting for a key frame", "not the disk"),
        ("the recordings disk is full", "room"),
        ("the recordings disk is read-only", "dmesg"),
        ("the recordings disk is gone", "Mount"),
        ("the recordings folder is missing", "Mount"),
        ("the recordings disk fails (input/output error)", "cable and power"),
        ("the recordings folder may not be written to", "belong"),
        ("the recordings disk was too slow: footage was lost", "faster"),
        ("footage cannot be written (ValueError)", "recordings disk"),
    ],
)
def test_footage_that_is_not_written_has_the_remedy_of_its_cause(reason: str, word: str) -> None:
    yard = Yard()
    for _ in range(5):
        found = yard.look(recording=False, recording_reason=reason)
    assert word in found["camera.not-recorded"].remedy


def test_frames_lost_because_the_disk_was_swapped_are_not_for_a_faster_disk() -> None:
    yard = Yard()
    yard.look()
    yard.look(recording_dropped=3, recording_reason="the recordings disk is slow to answer")
    yard.look(recording=False, recording_dropped=40, recording_reason="the recordings disk is gone")
    found = yard.look(recording_dropped=60, recording_reason="the recordings disk is slow to answer")
    lost = found["camera.footage-lost"]
    assert "disk is gone" in lost.cause
    assert ("Mount" in lost.remedy, "faster" in lost.remedy) == (True, False)
    found = yard.look(recording_held="another disk is mounted there")
    assert "another disk" in found["camera.footage-lost"].cause
    assert "faster" not in found["camera.footage-lost"].remedy
    for _ in range(60):
        found = yard.look(recording=True, recording_held="", recording_reason="")
    assert "camera.footage-lost" not in found
    found = yard.look(recording_dropped=70, recording_reason="the recordings disk is slow to answer")
    assert "faster" in found["camera.footage-lost"].remedy


@pytest.mark.parametrize(
    "field", [name for name in CameraView.__struct_fields__ if name not in {"slug", "frames_out"}]
)
def test_whatever_begins_a_trouble_at_once_makes_it_stand_otherwise(field: str) -> None:
    """So that health looks at once; what takes seconds to be a trouble is seen by its look each second."""
    others: dict[str, list[Any]] = {
        "state": ["starting", "stalled", "failed", "unplugged", "disabled"],
        "mode_reason": ["not enough bandwidth"],
        "source": ["file"],
        "worker_pid": [7],
    }
    kind = type(getattr(LIVE, field))
    values: list[Any] = (
        others.get(field)
        or {
            bool: [not getattr(LIVE, field)],
            int: [getattr(LIVE, field) + 3 if kind is int else 0],
            float: [7.5],
            str: ["the disk is full"],
        }[kind]
    )
    for value in values:
        calm, troubled = Yard(), Yard()
        calm.look(), troubled.look()
        after = msgspec.structs.replace(troubled.view, **{field: value})
        if troubled.look(**{field: value}) != calm.look():
            assert after.standing != LIVE.standing

"""What the rest of the house may know of a camera: plain frozen values, made by the manager."""

from typing import Literal

from edged.capture.job import Base

Source = Literal["", "v4l2", "file", "synthetic", "rtsp"]
CameraState = Literal["starting", "live", "stalled", "failed", "unplugged", "disabled"]


class CameraView(Base, frozen=True):
    """One camera as seen now. `since` is the UTC unix time at which `state` began; `reason` is for people.

    `recording_held` says why the house itself does not let it record (a full disk, say), "" when it does.
    `source` is what it was last fed from, "" before that.
    Counters of frames count from the start of its worker, `restarts` and `stalls` from the daemon's.
    """

    slug: str
    name: str
    state: CameraState
    since: float
    reason: str = ""
    recording: bool = False
    recording_wanted: bool = False
    recording_held: str = ""
    recording_reason: str = ""
    recording_dropped: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0
    bitrate_kbit: float = 0
    source_format: str = ""
    mode_reason: str = ""
    encoder: str = ""
    encoder_reason: str = ""
    audio: bool = False
    audio_wanted: bool = False
    live_connected: bool = False
    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    restarts: int = 0
    stalls: int = 0
    worker_pid: int | None = None
    source: Source = ""
    last_error: str = ""

    @property
    def standing(self) -> tuple[object, ...]:
        """Whatever troubles begin and end with: all of it but what counts on as long as it is live."""
        return (
            self.slug,
            self.name,
            self.state,
            self.reason,
            self.recording,
            self.recording_wanted,
            self.recording_held,
            self.recording_reason,
            self.recording_dropped,
            self.mode_reason,
            self.audio,
            self.audio_wanted,
            self.live_connected,
            self.restarts,
            self.last_error,
        )

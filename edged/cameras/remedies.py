"""What a person can do about a camera, by what is said of it: the cause decides, not the symptom."""

from edged.cameras.state import CameraView

REPLUG = "Unplug it and plug it in again; if that does not help, try another port and cable."
BY_ITSELF = "It is started again by itself."
# What a camera is that nobody can unplug, and what is to be looked at then.
OF_SOURCES = {
    "synthetic": f"{BY_ITSELF} It is a test picture: if this goes on, look at `top` and the log.",
    "file": f"{BY_ITSELF} If this goes on, look at the file that its settings name.",
    "rtsp": f"{BY_ITSELF} If this goes on, look at whoever sends its stream, and at the network between.",
}
# What stands in a camera's reason, and what a person can do then; the first that fits counts. How a worker
# ended stands before what it said last, which may be long ago.
REMEDIES = (
    (
        "by signal 9",
        f"{BY_ITSELF} Somebody killed its worker, or the kernel did for lack of memory: see `journalctl -k`.",
    ),
    ("by signal 15", f"{BY_ITSELF} Somebody ended its worker."),
    (
        "by signal",
        f"{BY_ITSELF} Its worker crashed: if that goes on, report it with the log's lines about it.",
    ),
    (
        "worker hangs",
        f"{BY_ITSELF} If this goes on, look at `top` (too much load) and `dmesg` (a fault of its driver).",
    ),
    ("worker does not start", "Is this box overloaded or short of memory? Look at `top` and `free`."),
    ("worker cannot be started", "Is this box short of memory? Look at `free` and `journalctl -k`."),
    ("another program", "Close that program: `fuser -v /dev/video*` names it."),
    ("group 'video'", "Let the user that runs edged be in the group video, and restart edged."),
    ("bandwidth", "Move it to a USB port of its own, or give it a smaller size or rate in the settings."),
    ("format", "Give it another size in its settings; `v4l2-ctl --list-formats-ext` lists what it can do."),
    ("no usable mode", "Give it another size in its settings, or move it to a USB port of its own."),
    ("refused its job", "Look at its settings: `edged check` lists what is wrong with them."),
    ("fault in edged", "Report it with the log's lines about it; edged tries again by itself."),
    ("ended with code", f"{BY_ITSELF} If that goes on, report it with the log's lines about it."),
)

SLOW_DISK = "Use a faster disk, or lower the bitrate."
_MOUNT = "Mount the right disk there, as is told of the recordings disk; recording goes on by itself."
# What stands in the reason why nothing is recorded.
OF_RECORDING = (
    ("key frame", "It goes on with the next key frame. If none comes, the camera is at fault, not the disk."),
    ("switched off", "It goes on by itself; if not, look at the log's lines about it."),
    ("slow", SLOW_DISK),
    (
        "full",
        "Make room on the recordings disk: something besides edged fills it. Recording goes on by itself.",
    ),
    (
        "read-only",
        "The system makes a disk read-only when it fails: look at `dmesg`, then check or replace it.",
    ),
    ("may not be written", "Let the recordings folder belong to the user that runs edged."),
    ("missing", _MOUNT),
    ("gone", _MOUNT),
    ("not a folder", _MOUNT),
    ("fails", "Look at `dmesg`, check the disk's cable and power, and replace it if it goes on."),
)
LOOK_AT_DISK = "Look at what is told of the recordings disk; recording goes on by itself once that is mended."


def remedy(reason: str, view: CameraView | None = None) -> str:
    """What to do about a camera with this reason."""
    known = next((words for part, words in REMEDIES if part in reason), "")
    return known or OF_SOURCES.get(view.source if view else "", REPLUG)


def recording_remedy(reason: str) -> str:
    """What to do about footage that is not written for this reason."""
    return next((words for part, words in OF_RECORDING if part in reason), LOOK_AT_DISK)

"""The H.264 encoders that a machine may have, best first, and why one of them need not be tried: pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from edged.capture.job import SOFTWARE, Base

ARM = {"aarch64", "armv7l", "armv6l"}
JETSON_NODES = {"nvhost-msenc", "v4l2-nvenc", "nvmap"}


class Facts(Base, frozen=True):
    """What a machine has.

    `nodes`: names below /dev that may belong to an encoder ("dri/renderD128"). `v4l2_encoders`: those of them
    that V4L2 says encode H.264; `closed`: those that may not be opened by us. `codecs`: the H.264 encoders
    that libav was built with. `gst_launch`: whether there is a gst-launch-1.0.
    """

    machine: str
    nodes: tuple[str, ...] = ()
    v4l2_encoders: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    gst_launch: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoder by its name in a job; with a `refusal`, why it cannot work here, it need not be proved.

    `closed`: only who asks may not open its device; another may have proved it.
    """

    name: str
    refusal: str = ""
    closed: bool = False


def candidates(facts: Facts) -> tuple[Candidate, ...]:
    """Every encoder that we know, best first, libx264 last."""
    opened = msgspec.structs.replace(
        facts, closed=(), v4l2_encoders=(*facts.v4l2_encoders, *filter(_is_video, facts.closed))
    )
    found = []
    for name, lacks in TABLE:
        refusal = _refusal(name, lacks, facts)
        found.append(Candidate(name, refusal, bool(refusal) and not _refusal(name, lacks, opened)))
    return tuple(found)


def impossible(machine: str, nodes: Iterable[str]) -> dict[str, str]:
    """Why encoders cannot be here, by name, of those for which the names of the nodes tell it."""
    known = tuple(nodes)
    best = Facts(
        machine=machine,
        nodes=known,
        v4l2_encoders=tuple(filter(_is_video, known)),
        codecs=tuple(name for name, _lacks in TABLE),
        gst_launch=True,
    )
    return {candidate.name: candidate.refusal for candidate in candidates(best) if candidate.refusal}


def _is_video(node: str) -> bool:
    return node.startswith("video")


def _refusal(name: str, lacks: Callable[[Facts], str], facts: Facts) -> str:
    if lack := lacks(facts):
        return lack
    if name != GSTREAMER and name not in facts.codecs:
        return "this libav was built without it"
    return ""


def _any_node(facts: Facts, names: set[str]) -> bool:
    return any(node in names for node in facts.nodes)


def _render_node(facts: Facts) -> str:
    nodes = [node for node in facts.nodes if node.startswith("dri/renderD")]
    if not nodes:
        return "no GPU here (/dev/dri/renderD*)"
    if all(node in facts.closed for node in nodes):
        return f"/dev/{nodes[0]} may not be opened: add the user that runs edged to its group"
    return ""


def _jetson(facts: Facts) -> str:
    if facts.machine not in ARM or not _any_node(facts, JETSON_NODES):
        return "this is no NVIDIA Jetson (/dev/nvhost-msenc, /dev/v4l2-nvenc, /dev/nvmap)"
    return ""


def _jetson_gstreamer(facts: Facts) -> str:
    if lack := _jetson(facts):
        return lack
    return "" if facts.gst_launch else "there is no gst-launch-1.0: install gstreamer1.0-tools"


def _nvenc(facts: Facts) -> str:
    if not any(node.startswith("nvidia") for node in facts.nodes):
        return "no NVIDIA card here (/dev/nvidia*)"
    return ""


def _qsv(facts: Facts) -> str:
    if facts.machine not in {"x86_64", "i686"}:
        return "only Intel's processors have it"
    return _render_node(facts)


def _rkmpp(facts: Facts) -> str:
    return "" if _any_node(facts, {"mpp_service"}) else "this is no Rockchip board (/dev/mpp_service)"


def _v4l2(facts: Facts) -> str:
    if facts.v4l2_encoders:
        return ""
    if closed := list(filter(_is_video, facts.closed)):
        return f"/dev/{closed[0]} may not be opened: add the user that runs edged to the group video"
    return "no V4L2 device here encodes H.264"


def _nothing(_facts: Facts) -> str:
    return ""


GSTREAMER = "nvv4l2h264enc"
# In order of preference: what is made for the board first, and what spares a copy before what does not.
TABLE: tuple[tuple[str, Callable[[Facts], str]], ...] = (
    ("h264_nvmpi", _jetson),
    (GSTREAMER, _jetson_gstreamer),
    ("h264_rkmpp", _rkmpp),
    ("h264_v4l2m2m", _v4l2),
    ("h264_nvenc", _nvenc),
    ("h264_qsv", _qsv),
    ("h264_vaapi", _render_node),
    (SOFTWARE, _nothing),
)

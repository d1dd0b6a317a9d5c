"""What an encoder must have shown before a camera is given to it: the verdict over one trial. Pure."""

from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from edged.capture.h264 import (
    IDR,
    PICTURE_PARAMETER_SET,
    SEQUENCE_PARAMETER_SET,
    is_b_slice,
    nal_type,
    nal_units,
)
from edged.capture.job import Base, EncoderName, Fps, Side

# dB of PSNR. A picture that is another, skewed or of swapped colours has less than 20 (see proof_picture),
# one of the wrong range 30. At the bit rate of a trial libx264 has 40 and more, and none of it less than 34.
LEAST_MEAN = 33.0
LEAST_OF_ALL = 27.0
# What the encoder may do to the contrast (a factor) and to the mean (of 0 to 255) of brightness and colours:
# bytes that were taken for the wrong range are off by 1.14 to 1.16 and up to 10.
MOST_CONTRAST, MOST_OFFSET = 0.06, 3.0
# A picture that was asked to be a key frame may be taken for its neighbour by so many.
KEY_SLACK = 2
# Held back for longer, seconds, a picture is no longer live.
LONGEST_DELAY = 0.5
# Times the bit rate that was asked for; a short trial begins with a key frame, so this is wide.
MOST_RATE = 4.0
# Profiles, by profile_idc of the SPS, that every player and browser takes.
PROFILES = {66: "baseline", 77: "main"}

Reason = Annotated[str, msgspec.Meta(max_length=1000)]


class ProofRequest(Base, frozen=True):
    """Try this encoder at this size (pixels) and rate (pictures a second)."""

    encoder: EncoderName
    width: Side
    height: Side
    fps: Fps


class Proof(Base, frozen=True):
    """How a trial of an encoder went. `reason` says in words why it was taken or refused.

    `fps`: pictures a second that it can do; `psnr`: likeness of its pictures in dB, the mean of all, and
    `psnr_least` that of the worst; `delay`: pictures that it holds back; `seconds` that the trial took, 0 if
    there was none. `passing`: why it may be otherwise some minutes later, if it may.
    """

    encoder: EncoderName
    taken: bool
    reason: Reason
    fps: float = 0.0
    psnr: float = 0.0
    psnr_least: float = 0.0
    delay: int = 0
    seconds: float = 0.0
    passing: Literal["", "busy", "slow"] = ""

    @property
    def holds(self) -> bool:
        """Whether this is known until the next boot: there was a trial, and nothing passing spoilt it."""
        return self.seconds > 0 and not self.passing


class Unit(Base, frozen=True):
    """One access unit that came out: the number of its picture, and whether it was called a key frame.

    `kinds`: nal_unit_type of each of its NAL units; `b_slices`: whether one is of a B picture; `profile`:
    profile_idc of its SPS, 0 without one; `size` in bytes.
    """

    number: int
    is_key: bool
    kinds: tuple[int, ...]
    b_slices: bool
    profile: int
    size: int


class Evidence(Base, frozen=True):
    """What a trial showed.

    `sent`: the numbers of the pictures that went in; `asked`: those of them that had to be key frames;
    `decoded`: how many pictures a decoder made of it, and `sizes`, which they have; `luma` and `colour`: PSNR
    in dB of each pair; `elapsed`: seconds from the second picture to the last packet. Of each plane of the
    last picture: whether it is `moved` by a pixel or two, the factor of its contrast, what its mean is off.
    """

    sent: tuple[int, ...]
    asked: tuple[int, ...]
    forces_keys: bool
    units: tuple[Unit, ...]
    delay: int
    decoded: int
    sizes: tuple[tuple[int, int], ...]
    luma: tuple[float, ...]
    colour: tuple[float, ...]
    moved: tuple[bool, ...]
    contrasts: tuple[float, ...]
    offsets: tuple[float, ...]
    elapsed: float
    bitrate_kbit: int


def unit_of(number: int, data: bytes, *, is_key: bool) -> Unit:
    """What there is to say of one access unit in Annex B."""
    units = list(nal_units(data))
    headers = [unit for unit in units if nal_type(unit) == SEQUENCE_PARAMETER_SET and len(unit) > 1]
    return Unit(
        number=number,
        is_key=is_key,
        kinds=tuple(nal_type(unit) for unit in units),
        b_slices=any(is_b_slice(unit) for unit in units),
        profile=headers[0][1] if headers else 0,
        size=len(data),
    )


def judge(request: ProofRequest, evidence: Evidence, *, seconds: float) -> Proof:
    """The verdict."""
    size = f"{request.width}x{request.height}"
    fault = _faulty_stream(request, evidence) or _faulty_pictures(request, evidence)
    psnr = sum(evidence.luma) / len(evidence.luma) if evidence.luma else 0.0
    fps = (len(evidence.sent) - 1) / evidence.elapsed if evidence.elapsed > 0 else 0.0
    slow = not fault and fps < request.fps
    if slow:
        fault = f"too slow: {fps:.0f} pictures a second at {size}, not {request.fps:g}"
    return Proof(
        encoder=request.encoder,
        taken=not fault,
        reason=fault or f"proved at {size}: {fps:.0f} pictures a second, {psnr:.0f} dB",
        fps=round(fps, 1),
        psnr=round(psnr, 1),
        psnr_least=round(min((*evidence.luma, *evidence.colour), default=0.0), 1),
        delay=evidence.delay,
        seconds=max(0.01, round(seconds, 2)),
        passing="slow" if slow else "",
    )


def _faulty_stream(request: ProofRequest, evidence: Evidence) -> str:
    """What is wrong with what came out, by its look alone; else nothing."""
    fault = _faulty_order(evidence) or next(filter(None, map(_faulty_unit, evidence.units)), "")
    if fault:
        return fault
    if evidence.delay > max(1.0, LONGEST_DELAY * request.fps):
        return f"it holds back {evidence.delay} pictures, more than {LONGEST_DELAY:g} s"
    kbit = sum(unit.size for unit in evidence.units) * 8 / 1000 / (len(evidence.units) / request.fps)
    if kbit > MOST_RATE * evidence.bitrate_kbit:
        return f"it makes {kbit:.0f} kbit/s of the {evidence.bitrate_kbit} that were asked for"
    return _faulty_keys(evidence)


def _faulty_order(evidence: Evidence) -> str:
    numbers = tuple(unit.number for unit in evidence.units)
    if any(after <= before for before, after in pairwise(numbers)):
        return "its pictures come doubled or not in their order"
    if missing := len(set(evidence.sent) - set(numbers)):
        return f"{missing} of {len(evidence.sent)} pictures are lost"
    if numbers != evidence.sent:
        return "it makes up time stamps"
    return "" if evidence.units[0].is_key else "its first picture is no key frame"


def _faulty_unit(unit: Unit) -> str:
    if not any(1 <= kind <= IDR for kind in unit.kinds):
        return "what it gives is no H.264"
    if unit.is_key and not {SEQUENCE_PARAMETER_SET, PICTURE_PARAMETER_SET, IDR} <= set(unit.kinds):
        return "a key frame has no SPS, no PPS, or is none"
    if unit.profile and unit.profile not in PROFILES:
        return f"its profile is {unit.profile}, neither baseline nor main"
    return ""


def _faulty_keys(evidence: Evidence) -> str:
    """What is wrong with its key frames: they come where asked for, or close by, and nowhere else."""
    place = {number: index for index, number in enumerate(evidence.sent)}
    keys = [place[unit.number] for unit in evidence.units if unit.is_key]
    asked = [place[number] for number in evidence.asked]
    if len(keys) > len(asked) + 1:
        return f"{len(keys)} key frames came where {len(asked)} were asked for"
    slack = KEY_SLACK + evidence.delay
    for wanted in asked:
        if not any(abs(key - wanted) <= slack for key in keys):
            return f"picture {wanted} was asked to be a key frame, and there is none near it"
    return ""


def _faulty_pictures(request: ProofRequest, evidence: Evidence) -> str:
    """What is wrong with the pictures that a decoder made of it; else nothing."""
    if wrong := [size for size in evidence.sizes if size != (request.width, request.height)]:
        return f"its pictures are {wrong[0][0]}x{wrong[0][1]}, not {request.width}x{request.height}"
    if evidence.decoded != len(evidence.sent) or len(evidence.luma) != len(evidence.sent):
        return f"only {evidence.decoded} of {len(evidence.sent)} pictures can be decoded"
    # Only now: in random bytes there is anything.
    if any(unit.b_slices for unit in evidence.units):
        return "it makes B-frames"
    for what, figures in (("pictures", evidence.luma), ("colours", evidence.colour)):
        mean, least = sum(figures) / len(figures), min(figures)
        if mean < LEAST_MEAN or least < LEAST_OF_ALL:
            return (
                f"its {what} are not what was given to it: {mean:.0f} dB like them, the worst {least:.0f} dB,"
                f" and {LEAST_MEAN:g} and {LEAST_OF_ALL:g} are needed"
            )
    return _faulty_levels(evidence)


def _faulty_levels(evidence: Evidence) -> str:
    if any(evidence.moved):
        return "its pictures, or the colours in them, are moved by a pixel or two"
    contrast = max(evidence.contrasts, key=lambda factor: abs(factor - 1))
    offset = max(evidence.offsets, key=abs)
    if abs(contrast - 1) > MOST_CONTRAST or abs(offset) > MOST_OFFSET:
        return (
            "its brightness or colours are of another range:"
            f" {contrast:.2f} times the contrast, {offset:+.0f} in the mean"
        )
    return ""

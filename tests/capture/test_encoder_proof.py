"""The verdict over an encoder's trial, the pictures of it, and which encoders a machine may have."""

from collections.abc import Callable
from typing import Any

import av
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.encoders import trial
from edged.capture.encoders.candidates import TABLE, Facts, candidates
from edged.capture.encoders.compare import BEST, Comparer
from edged.capture.encoders.likeness import levels
from edged.capture.encoders.proof import (
    LEAST_MEAN,
    LEAST_OF_ALL,
    MOST_CONTRAST,
    Evidence,
    Proof,
    ProofRequest,
    judge,
)
from edged.capture.encoders.proof_picture import COUNT, proof_pictures
from edged.capture.encoders.trial import try_encoder
from edged.capture.job import ENCODERS, SOFTWARE

REQUEST = ProofRequest(encoder="h264_v4l2m2m", width=128, height=96, fps=30)
REQUEST_SD = ProofRequest(encoder=SOFTWARE, width=640, height=480, fps=10)


@pytest.fixture(scope="module")
def good() -> Evidence:
    """What libx264 shows."""
    return try_encoder(ProofRequest(encoder=SOFTWARE, width=128, height=96, fps=30))


def verdict(evidence: Evidence, **other: Any) -> Proof:
    return judge(REQUEST, msgspec.structs.replace(evidence, **other), seconds=1.0)


def unit(evidence: Evidence, place: int, **other: Any) -> dict[str, Any]:
    """The evidence with another unit at this place."""
    units = list(evidence.units)
    units[place] = msgspec.structs.replace(units[place], **other)
    return {"units": tuple(units)}


def test_good_encoder_is_taken_with_its_figures_in_words(good: Evidence) -> None:
    proof = verdict(good)
    assert proof.taken
    assert proof.reason.startswith("proved at 128x96: ")
    assert proof.psnr > 30
    assert proof.psnr_least > 24
    assert proof.fps > 30


def test_each_fault_is_a_refusal_that_names_it(good: Evidence) -> None:
    shuffled = (good.units[0], good.units[2], good.units[1], *good.units[3:])
    key = next(place for place, one in enumerate(good.units) if one.is_key and place)
    faults: list[tuple[str, dict[str, Any]]] = [
        ("B-frames", unit(good, 7, b_slices=True)),
        ("not in their order", {"units": shuffled}),
        ("doubled", {"units": (good.units[0], *good.units)}),
        ("1 of 60 pictures are lost", {"units": good.units[:-1]}),
        ("time stamps", {"units": (*good.units, msgspec.structs.replace(good.units[-1], number=999))}),
        ("no SPS", unit(good, key, kinds=(5,))),
        ("profile is 100", unit(good, key, profile=100)),
        ("none near it", unit(good, key, is_key=False, kinds=(1,))),
        ("kbit/s", unit(good, 3, size=10_000_000)),
        ("holds back 30", {"delay": 30}),
        ("are 144x96", {"sizes": ((128, 96), (144, 96))}),
        ("can be decoded", {"decoded": 59}),
        ("its pictures are not", {"luma": (12.0,) * 60}),
        ("its pictures are not", {"luma": (*good.luma[:-1], 19.0)}),
        ("its colours are not", {"colour": (15.0,) * 60}),
        ("moved by a pixel", {"moved": (False, False, True)}),
        ("of another range: 1.16 times", {"contrasts": (1.16, 1.0, 1.0)}),
        ("of another range", {"offsets": (0.0, 5.0, 0.0)}),
        ("what it gives is no H.264", unit(good, 7, kinds=(), b_slices=True)),
        ("can be decoded", {"decoded": 59, **unit(good, 7, b_slices=True)}),
        ("too slow", {"elapsed": 4.0}),
    ]
    for words, change in faults:
        proof = verdict(good, **change)
        assert not proof.taken
        assert words in proof.reason


def test_encoder_that_makes_every_picture_a_key_frame_is_refused(good: Evidence) -> None:
    keys = tuple(msgspec.structs.replace(one, is_key=True, kinds=(7, 8, 5)) for one in good.units)
    assert "key frames came where" in verdict(good, units=keys).reason


def test_nothing_at_all_is_no_proof(good: Evidence) -> None:
    assert not verdict(good, units=(), decoded=0, luma=(), colour=(), sizes=()).taken


@given(count=st.integers(0, 60), luma=st.floats(0, 99), elapsed=st.floats(0, 100), delay=st.integers(0, 99))
def test_whatever_came_out_there_is_a_verdict(
    good: Evidence, count: int, luma: float, elapsed: float, delay: int
) -> None:
    proof = verdict(
        good,
        units=good.units[:count],
        decoded=count,
        luma=(luma,) * count,
        colour=(luma,) * count,
        elapsed=elapsed,
        delay=delay,
    )
    right = count == 60 and luma >= LEAST_MEAN and 0 < elapsed <= 59 / 30 and delay <= 15
    assert proof.taken == right
    assert proof.reason


def figures(first: Any, second: Any) -> tuple[float, float]:
    comparer = Comparer(first.width, first.height)
    comparer.add(first, second)
    (likeness,) = comparer.finish()
    return likeness.luma, likeness.colour


@pytest.mark.parametrize(("width", "height"), [(320, 240), (854, 480), (1280, 720)])
def test_pictures_differ_from_each_other_enough_for_a_wrong_one_to_show(width: int, height: int) -> None:
    pictures = proof_pictures(width, height)
    assert len(pictures) == COUNT
    assert figures(pictures[0], proof_pictures(width, height)[0]) == (BEST, BEST)
    for other in pictures[1:]:
        assert figures(pictures[0], other)[0] < 20


def test_skewed_lines_and_swapped_colours_show() -> None:
    picture, skewed, swapped = (proof_pictures(320, 240)[3] for _ in range(3))
    luma = bytes(skewed.planes[0])
    pitch = picture.planes[0].line_size
    # As a driver reads that believes lines to be 64 bytes longer than they are.
    lines = (luma[y * (pitch + 64) :][:pitch].ljust(pitch, b"\0") for y in range(240))
    skewed.planes[0].update(b"".join(lines))
    assert figures(picture, skewed)[0] < 15
    first, second = bytes(swapped.planes[1]), bytes(swapped.planes[2])
    swapped.planes[1].update(second)
    swapped.planes[2].update(first)
    assert figures(picture, swapped)[1] < 20


def redrawn(frame: Any, change: Callable[[list[bytes], int], list[bytes]]) -> Any:
    """The picture with other lines: `change` gets those of a plane and which it is."""
    new: Any = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for index, (old, plane) in enumerate(zip(frame.planes, new.planes, strict=True)):
        lines = [bytes(old)[y * old.line_size :][: old.width] for y in range(old.height)]
        changed = change(lines, index)
        plane.update(b"".join(line.ljust(plane.line_size, b"\0") for line in changed))
    return new


FULL = bytes(min(255, max(0, round((value - 16) * 255 / 219))) for value in range(256))
NARROW = bytes(round(16 + value * 219 / 255) for value in range(256))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines, _plane: lines, ""),
        (lambda lines, _plane: [line[:1] + line[:-1] for line in lines], "moved by a pixel"),
        (lambda lines, _plane: [line[2:] + line[:2] for line in lines], "moved by a pixel"),
        (
            lambda lines, plane: lines if plane else [lines[0], *lines[:-1]],
            "moved by a pixel",
        ),
        (
            lambda lines, plane: [line[1:] + b"z" for line in lines] if plane == 2 else lines,
            "moved by a pixel",
        ),
        (lambda lines, _plane: [line.translate(FULL) for line in lines], "another range: 1.1"),
        (lambda lines, _plane: [line.translate(NARROW) for line in lines], "another range: 0.86"),
        (
            lambda lines, plane: [line.translate(FULL) for line in lines] if plane == 1 else lines,
            "another range",
        ),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(128, 96), (854, 480)])
def test_picture_that_is_moved_or_of_another_range_is_named(
    good: Evidence, change: Any, words: str, width: int, height: int
) -> None:
    picture = proof_pictures(width, height)[5]
    found = levels(picture, redrawn(picture, change))
    proof = verdict(
        good,
        moved=tuple(plane.moved for plane in found),
        contrasts=tuple(plane.contrast for plane in found),
        offsets=tuple(plane.offset for plane in found),
    )
    assert proof.taken == (not words)
    assert words in proof.reason


@pytest.mark.parametrize("bits", [0.1, 0.2])
def test_honest_encoder_is_far_from_the_limits_even_at_half_the_rate_of_a_trial(
    monkeypatch: pytest.MonkeyPatch, bits: float
) -> None:
    monkeypatch.setattr(trial, "BITS_PER_PIXEL", bits)
    evidence = try_encoder(ProofRequest(encoder=SOFTWARE, width=640, height=480, fps=30))
    assert judge(REQUEST_SD, evidence, seconds=1.0).taken
    assert min(evidence.luma) > LEAST_OF_ALL + 5
    assert min(evidence.colour) > LEAST_OF_ALL + 4
    assert all(abs(contrast - 1) < MOST_CONTRAST / 3 for contrast in evidence.contrasts)


ALL = tuple(name for name, _lacks in TABLE)


def refusals(**facts: Any) -> dict[str, str]:
    found = candidates(Facts(**{"machine": "x86_64", "codecs": ALL, **facts}))
    return {candidate.name: candidate.refusal for candidate in found}


def test_every_candidate_may_stand_in_a_job_and_software_is_the_last() -> None:
    assert set(ALL) <= set(ENCODERS)
    assert ALL[-1] == SOFTWARE


def test_machine_without_devices_has_software_alone_and_reasons_for_the_rest() -> None:
    refused = refusals()
    assert [name for name, reason in refused.items() if not reason] == [SOFTWARE]
    assert "no NVIDIA card" in refused["h264_nvenc"]


@pytest.mark.parametrize(
    ("facts", "usable"),
    [
        ({"machine": "aarch64", "nodes": ("video11",), "v4l2_encoders": ("video11",)}, {"h264_v4l2m2m"}),
        ({"nodes": ("dri/renderD128",)}, {"h264_qsv", "h264_vaapi"}),
        ({"nodes": ("nvidia0", "nvidiactl")}, {"h264_nvenc"}),
        ({"machine": "aarch64", "nodes": ("mpp_service",)}, {"h264_rkmpp"}),
        ({"machine": "aarch64", "nodes": ("nvhost-msenc",)}, {"h264_nvmpi"}),
        (
            {"machine": "aarch64", "nodes": ("v4l2-nvenc",), "gst_launch": True},
            {"h264_nvmpi", "nvv4l2h264enc"},
        ),
    ],
)
def test_each_platform_has_its_own(facts: dict[str, Any], usable: set[str]) -> None:
    assert {name for name, reason in refusals(**facts).items() if not reason} == usable | {SOFTWARE}


def test_what_libav_was_not_built_with_and_what_we_may_not_open_is_refused_with_the_remedy() -> None:
    refused = refusals(nodes=("dri/renderD128",), codecs=("libx264",))
    assert refused["h264_vaapi"] == "this libav was built without it"
    closed = refusals(nodes=("video11", "dri/renderD128"), closed=("video11", "dri/renderD128"))
    assert "group video" in closed["h264_v4l2m2m"]
    assert "may not be opened" in closed["h264_vaapi"]

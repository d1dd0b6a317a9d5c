"""A file that was left open is made whole in place: nothing of it is lost, whenever the power goes again."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recordings.trees import closed, film

from edged.recordings import repair
from edged.recordings.repair import Outcome, mend
from edged.recordings.survey import survey

HEADER, REST = film()
NAME = "12-00-00.000Z.mp4"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle
    os.close(handle)


def mended(folder: int, *, protected: bool = False, thorough: bool = True) -> Outcome:
    return mend(folder, NAME, clock=time.time(), protected=protected, thorough=thorough)


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def second_end() -> int:
    """Where the second whole fragment ends in REST."""
    at = 0
    for _ in range(4):  # moof, mdat, moof, mdat
        at += struct.unpack_from(">I", REST, at)[0]
    return at


def test_a_film_cut_in_its_last_fragment_plays_to_its_whole_end(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    torn = (HEADER + REST)[: len(HEADER) + second_end() + 1700]
    path.write_bytes(torn)
    outcome = mended(folder)
    assert outcome.result == "mended"
    assert outcome.duration is not None
    assert abs(outcome.duration - 2.0) < 0.05
    assert "torn" in outcome.words
    data = path.read_bytes()
    assert len(data) == len(torn)
    assert survey_of(path).torn == 0
    assert frames(path) == 60
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert abs(container.duration / 1e6 - 2.0) < 0.05
    assert mended(folder).result == "fine"


def survey_of(path: Path):
    with path.open("rb") as file:
        return survey(file, path.stat().st_size)


def test_not_a_byte_of_what_was_torn_is_lost(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    torn = (HEADER + REST)[: len(HEADER) + second_end() + 1700]
    path.write_bytes(torn)
    mended(folder)
    whole = len(HEADER) + second_end()
    assert path.read_bytes()[whole + 8 :] == torn[whole + 8 :]


def test_a_film_that_only_lacks_its_duration_learns_it(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(HEADER + REST)
    outcome = mended(folder, thorough=False)
    assert outcome.result == "mended"
    assert path.stat().st_size == len(HEADER + REST)
    assert mended(folder, thorough=False) == Outcome("fine", outcome.duration and round(outcome.duration, 3),
                                                    len(HEADER + REST))  # fmt: skip


def test_a_mended_film_with_a_hole_counts_for_what_it_takes_up(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(HEADER + REST)
    os.truncate(path, 1 << 40)
    outcome = mended(folder)
    assert outcome.result == "mended"
    assert 0 < outcome.size <= path.stat().st_blocks * 512 < 1 << 30


def test_a_closed_film_is_not_touched(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(closed())
    os.utime(path, (1, 1))
    assert mended(folder).result == "fine"
    assert path.read_bytes() == closed()
    assert path.stat().st_mtime == 1


def test_a_header_that_tells_more_than_is_there_is_put_right(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(closed(5)[: len(HEADER) + second_end() + 100])
    assert mended(folder, thorough=False).duration == 5.0  # believed, where it is not looked at closely
    outcome = mended(folder)
    assert outcome.result == "mended"
    assert outcome.duration is not None
    assert abs(outcome.duration - 2.0) < 0.05
    assert mended(folder, thorough=False).duration == pytest.approx(outcome.duration, abs=0.01)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (HEADER, "cut before its first picture"),
        (HEADER + REST[:3000], "cut before its first picture"),
        (HEADER[:700], "not a film"),
        (bytes(9000), "not a film"),
        (b"hello" * 100, "not a film"),
    ],
)
def test_what_cannot_be_played_is_named_and_left_as_it_is(
    tmp_path: Path, folder: int, data: bytes, words: str
) -> None:
    path = tmp_path / NAME
    path.write_bytes(data)
    outcome = mended(folder)
    assert outcome.result == "useless"
    assert outcome.words.startswith(words)
    assert path.read_bytes() == data


def test_of_a_protected_file_no_byte_is_cut(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    torn = (HEADER + REST)[: len(HEADER) + second_end() + 5]  # less than the head of a box
    path.write_bytes(torn)
    assert mended(folder, protected=True).result == "mended"
    assert path.stat().st_size == len(torn)
    assert mended(folder).result == "mended"
    assert path.stat().st_size == len(torn) - 5
    assert mended(folder).result == "fine"


def test_a_file_that_is_open_elsewhere_waits(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(HEADER + REST)
    with path.open("ab"):
        assert mended(folder).result == "busy"
        assert path.read_bytes() == HEADER + REST
    worker = subprocess.Popen(
        [sys.executable, "-c", f"f = open({str(path)!r}, 'ab'); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert mended(folder).result == "busy"
    finally:
        worker.communicate(b"\n")
    assert mended(folder).result == "mended"


def test_where_the_kernel_cannot_tell_a_file_must_have_been_quiet(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_leases(*_: object) -> int:
        raise OSError(22, "no leases here")

    monkeypatch.setattr(repair.fcntl, "fcntl", no_leases)
    path = tmp_path / NAME
    path.write_bytes(HEADER + REST)
    assert mended(folder).result == "busy"
    os.utime(path, (time.time() - 120, time.time() - 120))
    assert mended(folder).result == "mended"


def test_a_file_that_has_another_name_elsewhere_is_left(tmp_path: Path, folder: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(HEADER + REST)
    (tmp_path / "other").hardlink_to(path)
    assert mended(folder).result == "left"
    assert path.read_bytes() == HEADER + REST


def test_links_and_pipes_are_not_opened(tmp_path: Path, folder: int) -> None:
    (tmp_path / "real").write_bytes(HEADER + REST)
    (tmp_path / NAME).symlink_to("real")
    with pytest.raises(OSError, match=NAME):
        mended(folder)
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    assert mended(folder).result == "left"
    (tmp_path / NAME).unlink()
    with pytest.raises(FileNotFoundError):
        mended(folder)


class PowerCutError(Exception):
    """The lights go out."""


def writes_until(most: int) -> Callable[[int, bytes, int], None]:
    left = [most]

    def write(file: int, data: bytes, offset: int) -> None:
        for at in range(len(data)):
            if left[0] == 0:
                raise PowerCutError
            left[0] -= 1
            os.pwrite(file, data[at : at + 1], offset + at)

    return write


@settings(max_examples=100, deadline=None)
@example(cut=44311, written=27)
@given(cut=st.integers(len(HEADER) + 1, len(HEADER) + len(REST)), written=st.integers(0, 40))
def test_the_power_may_go_again_after_any_byte(
    tmp_path_factory: pytest.TempPathFactory, cut: int, written: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    handle = os.open(folder, os.O_RDONLY)
    try:
        path = folder / NAME
        path.write_bytes((HEADER + REST)[:cut])
        before = survey_of(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(repair, "_write", writes_until(written))
            try:
                mended(handle)
            except PowerCutError:
                pass
        outcome = mended(handle)
        assert outcome.result == ("useless" if before.useless else outcome.result)
        if not before.useless:
            assert outcome.result in {"mended", "fine"}
            after = survey_of(path)
            assert (after.fragments, after.torn) == (before.fragments, 0)
            # A few bytes of the duration may have reached the disk: by that much it is believed.
            assert after.said == pytest.approx(before.counted, abs=repair.OFF)
            assert mended(handle).result == "fine"
    finally:
        os.close(handle)
        shutil.rmtree(folder)

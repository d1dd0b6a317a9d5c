"""Live HLS: whole playlists, names that mean one thing for ever, and a line of time without a way back."""

import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from capture.encoded import AUDIO, FPS, interleave, sound, video, video_info

from edged.capture.job import HlsOutput
from edged.capture.live.hls import EPOCH, LiveHls
from edged.capture.output import make_live_output
from edged.capture.packets import EncodedPacket

PATIENCE = 20.0
NOW = 1_795_521_600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "front"


def wait(enough: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not enough():
        assert time.monotonic() < end, what
        time.sleep(0.001)


def serve(folder: Path, packets: list[EncodedPacket], *, now: float = NOW, audio: bool = False) -> LiveHls:
    """One life of a worker; returns when it was closed."""
    output = LiveHls(str(folder), clock=lambda: now)
    output.start((video_info(), AUDIO) if audio else (video_info(),))
    for packet in packets:
        output.put(packet)
        if packet.number % 10 == 0:
            wait(lambda: not output._queue._waiting, "the queue is empty")
    output.close(PATIENCE)
    return output


def playlist(folder: Path) -> str:
    return (folder / "index.m3u8").read_text()


def sequence(text: str) -> int:
    found = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    assert found
    return int(found[1])


def names(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def first_time(folder: Path, text: str, name: str) -> float:
    """Decode time of the first picture of a segment, in seconds."""
    init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
    assert init
    joined = folder / "joined.tmp-test"
    joined.write_bytes((folder / init[1]).read_bytes() + (folder / name).read_bytes())
    try:
        with av.open(str(joined), format="mp4") as container:
            for packet in container.demux(video=0):
                assert packet.is_keyframe
                return float(packet.dts * packet.time_base)
    finally:
        joined.unlink()
    raise AssertionError


def test_segments_of_a_second_play_and_are_listed_with_their_date(folder: Path) -> None:
    output = serve(folder, interleave(video(4 * FPS + 1), sound(4), 0.02), audio=True)
    assert output.status().connected
    text = playlist(folder)
    assert re.findall(r"#EXTINF:([\d.]+)", text)[:4] == ["1.000000"] * 4
    assert "#EXT-X-PROGRAM-DATE-TIME" in text
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in text
    assert "#EXT-X-ENDLIST" not in text
    with av.open(str(folder / "index.m3u8"), options={"live_start_index": "0"}) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        frames = 0
        for packet in container.demux(video=0):
            frames += len(packet.decode())
            if frames >= 4 * FPS:
                break


def test_old_segments_go(folder: Path) -> None:
    serve(folder, video(40 * FPS))
    text = playlist(folder)
    assert 4 <= len(names(text)) <= 8
    assert all((folder / name).exists() for name in names(text))
    assert len(list(folder.iterdir())) < 20


def test_next_worker_reuses_no_name_and_goes_on_in_sequence_and_time(folder: Path) -> None:
    seen: set[str] = set()
    sequences, times = [], []
    # The clock may stand still or go back between the lives of workers.
    for now in (NOW, NOW, NOW - 3600, NOW + 30):
        serve(folder, video(9 * FPS), now=now)
        text = playlist(folder)
        fresh = set(names(text)) | set(re.findall(r'URI="([^"]+)"', text))
        assert not fresh & seen
        seen |= fresh
        sequences.append((sequence(text), sequence(text) + len(names(text)) - 1))
        times.append((first_time(folder, text, names(text)[0]), first_time(folder, text, names(text)[-1])))
    for before, after in itertools.pairwise(sequences):
        assert after[0] > before[1]
    for before, after in itertools.pairwise(times):
        assert after[0] > before[1]
    for (number, _), (begins, _) in zip(sequences, times, strict=True):
        assert begins == pytest.approx(number, abs=0.01), "both count the same seconds"
    assert sequences[-1][0] >= NOW - EPOCH + 30


def test_start_takes_away_what_the_last_worker_left_and_nothing_else(folder: Path) -> None:
    serve(folder, video(3 * FPS))
    left = {path.name for path in folder.iterdir()}
    (folder / "snapshot.jpg").write_bytes(b"x")
    (folder / "index.m3u8.tmp").write_bytes(b"half")
    output = LiveHls(str(folder))
    output.start((video_info(),))
    wait(lambda: not any((folder / name).exists() for name in left), "the old files are gone")
    assert {path.name for path in folder.iterdir()} == {"snapshot.jpg"}
    output.close(PATIENCE)


def test_playlist_is_never_seen_half_written(folder: Path) -> None:
    output = LiveHls(str(folder))
    output.start((video_info(),))
    last = -1
    for packet in video(20 * FPS):
        output.put(packet)
        if packet.number % 10 == 0:
            wait(lambda: not output._queue._waiting, "the queue is empty")
        for _ in range(5):
            try:
                text = playlist(folder)
            except FileNotFoundError:
                continue
            assert text.startswith("#EXTM3U\n")
            assert text.endswith(".m4s\n")
            assert sequence(text) >= last
            last = sequence(text)
            for name in names(text):
                assert (folder / name).stat().st_size > 0
    output.close(PATIENCE)


def test_folder_that_cannot_be_is_told_and_made_as_soon_as_it_can(folder: Path) -> None:
    folder.write_text("in the way")
    output = LiveHls(str(folder / "deeper"))
    output.start((video_info(),))
    number = 0

    def feed() -> None:
        nonlocal number
        for packet in video(FPS, first=number):
            output.put(packet)
        number += FPS
        time.sleep(0.02)

    def failed() -> bool:
        feed()
        return output.status().error != ""

    def mended() -> bool:
        feed()
        return output.status().connected

    wait(failed, "the error is told")
    assert str(folder) not in output.status().error
    assert not output.status().connected
    folder.unlink()
    wait(mended, "the live picture is there")
    assert output.status().error == ""
    output.close(PATIENCE)


def test_camera_that_changes_its_picture_begins_a_new_run(folder: Path) -> None:
    serve(folder, video(4 * FPS) + video(4 * FPS, first=4 * FPS, size=(192, 112)))
    text = playlist(folder)
    with av.open(str(folder / "index.m3u8"), options={"live_start_index": "0"}) as container:
        assert container.streams.video[0].width == 192
    assert len(re.findall("EXT-X-MAP", text)) == 1


def test_clock_of_the_camera_that_goes_back_does_not_end_it(folder: Path) -> None:
    output = serve(folder, video(4 * FPS) + video(4 * FPS, first=4 * FPS, clock=-90_000 * 100))
    assert output.status().connected
    assert output.status().error == ""
    assert len(names(playlist(folder))) >= 3


def test_made_from_a_job_s_output(folder: Path) -> None:
    assert isinstance(make_live_output(HlsOutput(folder=str(folder))), LiveHls)

"""The embedded engine shows what workers write, and nothing else of this machine."""

import os
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.job import HlsOutput
from edged.errors import MediaError
from edged.media.embedded import STALE, EmbeddedEngine
from edged.media.engine import MediaEngine

NOW = 1_800_000_000.0


@pytest.fixture
async def engine(tmp_path: Path, nursery: trio.Nursery) -> EmbeddedEngine:
    (tmp_path / "live" / "porch").mkdir(parents=True)
    (tmp_path / "live" / "porch" / "index.m3u8").write_text("of an earlier life")
    running = EmbeddedEngine(runtime=tmp_path, clock=lambda: NOW)
    await nursery.start(running.run)
    return running


def folder(engine: EmbeddedEngine) -> Path:
    (output,) = engine.outputs("porch")
    assert isinstance(output, HlsOutput)
    return Path(output.folder)


def write(path: Path, text: str, *, age: float = 0) -> None:
    path.write_text(text)
    os.utime(path, (NOW - age, NOW - age))


async def test_nothing_of_an_earlier_life_is_shown(engine: EmbeddedEngine) -> None:
    assert (await engine.hls("porch", "index.m3u8", "")).status == 404
    assert list(folder(engine).iterdir()) == []


async def test_what_a_worker_writes_is_read(engine: EmbeddedEngine) -> None:
    write(folder(engine) / "index.m3u8", "#EXTM3U")
    write(folder(engine) / "a1.m4s", "picture")
    playlist = await engine.hls("porch", "index.m3u8", "_HLS_msn=3")
    assert (playlist.status, playlist.body) == (200, b"#EXTM3U")
    assert playlist.content_type == "application/vnd.apple.mpegurl"
    segment = await engine.hls("porch", "a1.m4s", "")
    assert (segment.status, segment.content_type, segment.body) == (200, "video/mp4", b"picture")


async def test_a_playlist_that_nobody_writes_any_more_is_no_live_picture(engine: EmbeddedEngine) -> None:
    write(folder(engine) / "index.m3u8", "#EXTM3U", age=STALE - 1)
    assert (await engine.hls("porch", "index.m3u8", "")).status == 200
    write(folder(engine) / "index.m3u8", "#EXTM3U", age=STALE + 1)
    assert (await engine.hls("porch", "index.m3u8", "")).status == 404


async def test_links_folders_and_pipes_are_not_read(engine: EmbeddedEngine, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    write(secret, "secret")
    (folder(engine) / "link.mp4").symlink_to(secret)
    (folder(engine) / "folder.mp4").mkdir()
    os.mkfifo(folder(engine) / "pipe.mp4")
    for name in ("link.mp4", "folder.mp4", "pipe.mp4", "none.mp4"):
        with trio.fail_after(2):
            assert (await engine.hls("porch", name, "")).status == 404


@pytest.mark.parametrize(
    ("camera", "name"),
    [
        ("porch", "../../secret.mp4"),
        ("porch", "/etc/passwd"),
        ("porch", "..%2f..%2fsecret.mp4"),
        ("porch", ".hidden.mp4"),
        ("porch", "index.m3u8\n"),
        ("porch", "index.m3u8.tmp"),
        ("porch", "a\0.mp4"),
        ("porch", ""),
        ("..", "secret.mp4"),
        ("", "secret.mp4"),
        ("porch/..", "secret.mp4"),
        ("porch\n", "index.m3u8"),
    ],
)
async def test_no_name_leads_out_of_the_folder(
    engine: EmbeddedEngine, tmp_path: Path, camera: str, name: str
) -> None:
    write(tmp_path / "secret.mp4", "secret")
    write(folder(engine) / "index.m3u8", "#EXTM3U")
    write(folder(engine) / "index.m3u8.tmp", "half")
    assert (await engine.hls(camera, name, "")).status == 404


@given(st.text(max_size=30))
def test_any_camera_name_is_refused_or_plain(name: str) -> None:
    try:
        (output,) = EmbeddedEngine(runtime=Path("/dev/null")).outputs(name)
    except (MediaError, NotADirectoryError):
        return
    pytest.fail(f"{output} was made where no folder can be")


async def test_there_is_no_webrtc(engine: EmbeddedEngine) -> None:
    face: MediaEngine = engine
    offer = face.live("porch")
    assert (offer.webrtc, offer.hls, offer.low_latency) == (False, True, False)
    assert (await face.whep("porch", b"v=0", "ticket")).status == 404
    assert (await face.whep_change("/x", "DELETE", b"", "", "")).status == 404
    assert await face.viewers() == ()
    await face.kick("ticket")
    assert face.health().up


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    running = EmbeddedEngine(runtime=tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(running.run)
        write(folder(running) / "a.mp4", "picture")
        nursery.cancel_scope.cancel()
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert not running.health().up

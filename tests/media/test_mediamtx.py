"""The real MediaMTX behind our face: publish, watch, refuse, kick, heal."""

import io
import logging
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import av
import httpx
import pytest
import trio
from media.conftest import MakeEngine
from media.live import CAMERA, first_playlist, until

from edged.capture.job import RtspOutput
from edged.errors import MediaError, StartupError
from edged.media.door import Door
from edged.media.engine import MediaEngine
from edged.media.mediamtx import MediaMtxEngine

pytestmark = pytest.mark.mediamtx

HEALED = 10.0


async def test_it_serves_within_two_seconds_and_answers_for_itself(
    make_engine: MakeEngine, nursery: trio.Nursery, tmp_path: Path
) -> None:
    engine: MediaEngine = make_engine()
    assert not engine.health().up
    began = time.monotonic()
    await nursery.start(engine.run)
    assert time.monotonic() - began < 2
    assert engine.health().up
    assert engine.health().version.startswith("v1.20.")
    assert engine.live(CAMERA).webrtc
    assert await engine.viewers() == ()
    (output,) = engine.outputs(CAMERA)
    assert isinstance(output, RtspOutput)
    assert re.fullmatch(rf"rtsp://publisher:[0-9a-f]{{40}}@127\.0\.0\.1:\d+/{CAMERA}", output.url)
    assert (tmp_path / "mediamtx" / "mediamtx.yml").stat().st_mode & 0o077 == 0


async def test_listeners_are_on_loopback_but_for_webrtc_media(engine: MediaMtxEngine) -> None:
    inodes = _socket_inodes(engine.pid)
    listening = {
        (kind, local.partition(":")[0])
        for kind in ("tcp", "tcp6")
        for local, state, inode in _kernel_sockets(kind)
        if inode in inodes and state == "0A"
    }
    assert listening == {("tcp", "0100007F")}


async def test_playlists_hold_plain_names_and_parts_that_decode(
    engine: MediaMtxEngine, publisher: subprocess.Popen[bytes]
) -> None:
    entry = (await first_playlist(engine)).body.decode()
    (media,) = [line for line in entry.splitlines() if line and not line.startswith("#")]
    playlist = await engine.hls(CAMERA, media, "")
    text = playlist.body.decode()
    uris = re.findall(r'URI="([^"]+)"', text) + [
        line for line in text.splitlines() if line and not line.startswith("#")
    ]
    for uri in (media, *uris):
        assert re.fullmatch(r"[A-Za-z0-9_]+\.(m3u8|mp4)", uri)
    assert "session" not in entry + text
    (init,) = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', text)
    last = [uri for uri in uris if "_seg" in uri][-1]
    body = b"".join([(await engine.hls(CAMERA, name, "")).body for name in (init, last)])
    with av.open(io.BytesIO(body)) as container:
        frames = [frame for frame in container.decode(video=0) if isinstance(frame, av.VideoFrame)]
    assert len(frames) >= 15
    assert (frames[0].width, frames[0].height) == (320, 180)


async def test_a_playlist_that_is_not_there_yet_is_waited_for(
    engine: MediaMtxEngine, publisher: subprocess.Popen[bytes]
) -> None:
    await first_playlist(engine)
    text = (await engine.hls(CAMERA, "video1_stream.m3u8", "")).body.decode()
    sequence = int(re.findall(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[0])
    following = sequence + len(re.findall(r"^[a-z0-9]+_.*_seg\d+\.mp4|^gap\.mp4", text, re.MULTILINE)) + 1
    began = time.monotonic()
    reply = await engine.hls(CAMERA, "video1_stream.m3u8", f"_HLS_msn={following}&_HLS_part=0")
    assert reply.status == 200
    assert 0.05 < time.monotonic() - began < 5


async def test_a_camera_that_sends_nothing_has_no_picture(engine: MediaMtxEngine, door: Door) -> None:
    assert (await engine.hls("garage", "index.m3u8", "")).status == 404
    assert (await engine.hls("garage", "video1_stream.m3u8", "")).status == 404
    assert (await engine.whep("garage", b"v=0", door.issue("garage"))).status == 404


async def test_whep_refuses_a_bogus_offer_and_a_stranger(
    engine: MediaMtxEngine, publisher: subprocess.Popen[bytes], door: Door
) -> None:
    await first_playlist(engine)
    ticket = door.issue(CAMERA)
    reply = await engine.whep(CAMERA, b"bogus", ticket)
    assert (reply.status, reply.body, reply.location) == (400, b"", "")
    assert len(door.sessions(ticket)) == 1
    began = time.monotonic()
    assert (await engine.whep(CAMERA, b"bogus", "guessed")).status == 403
    assert (await engine.whep("other", b"bogus", ticket)).status == 403
    await engine.kick(ticket)
    assert (await engine.whep(CAMERA, b"bogus", ticket)).status == 403
    assert time.monotonic() - began < 1


async def test_only_locations_of_its_own_can_be_changed(engine: MediaMtxEngine) -> None:
    gone = f"/{CAMERA}/whep/00000000-0000-0000-0000-000000000000"
    assert (await engine.whep_change(gone, "DELETE", b"", "", "")).status == 404
    for location in ("", "/x", "http://192.0.2.7/", f"{gone}/../../v3", f"{gone}\n", f"{gone}?x"):
        assert (await engine.whep_change(location, "DELETE", b"", "", "")).status == 404


async def test_nobody_without_a_secret_may_publish_read_or_control(
    engine: MediaMtxEngine, publisher: subprocess.Popen[bytes], mediamtx: Path, door: Door, tmp_path: Path
) -> None:
    await first_playlist(engine)
    settings = (tmp_path / "mediamtx" / "mediamtx.yml").read_text()
    api, rtsp, hls, webrtc = (
        re.findall(rf'"{name}Address": "(127[^"]+)"', settings)[0]
        for name in ("api", "rtsp", "hls", "webrtc")
    )
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        assert (await client.get(f"http://{api}/v3/paths/list")).status_code == 401
        assert (await client.get(f"http://{hls}/{CAMERA}/")).status_code == 401
        asked = await client.get(f"http://{hls}/{CAMERA}/index.m3u8?cookieCheck=1")
        assert asked.status_code == 401
        offer = {"content": b"v=0", "headers": {"Content-Type": "application/sdp"}}
        assert (await client.post(f"http://{webrtc}/{CAMERA}/whep", **offer)).status_code == 401  # type: ignore[arg-type]
        assert (await client.post(f"http://{webrtc}/{CAMERA}/whip", **offer)).status_code == 401  # type: ignore[arg-type]
    for url in (f"rtsp://{rtsp}/{CAMERA}", f"rtsp://publisher:guessed@{rtsp}/{CAMERA}"):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await trio.to_thread.run_sync(_open_rtsp, url)
    # Its password is for publishing its own camera, not for reading anything.
    (output,) = engine.outputs(CAMERA)
    assert isinstance(output, RtspOutput)
    with pytest.raises(av.error.HTTPUnauthorizedError):
        await trio.to_thread.run_sync(_open_rtsp, output.url)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_it_is_replaced_when_it_dies_or_hangs_and_found_where_it_was(
    engine: MediaMtxEngine, publisher: subprocess.Popen[bytes], fault: signal.Signals
) -> None:
    await first_playlist(engine)
    outputs, victim = engine.outputs(CAMERA), engine.pid
    assert victim is not None
    os.kill(victim, fault)
    began = time.monotonic()
    await until(lambda: engine.pid not in {victim, None}, HEALED)
    assert engine.outputs(CAMERA) == outputs
    await first_playlist(engine, HEALED - (time.monotonic() - began))
    assert engine.health().restarts == 1
    assert engine.health().up


async def test_a_death_is_told_in_health_and_asked_questions_fail_at_once(
    make_engine: MakeEngine, nursery: trio.Nursery, door: Door, mediamtx: Path, tmp_path: Path
) -> None:
    program = tmp_path / "mediamtx-once"
    program.symlink_to(mediamtx)
    engine = make_engine(program=program)
    await nursery.start(engine.run)
    assert engine.pid is not None
    program.unlink()  # or the next life would begin at once
    os.kill(engine.pid, signal.SIGKILL)
    await until(lambda: not engine.health().up)
    assert "it is being restarted" in engine.health().reason
    with trio.fail_after(5):
        with pytest.raises(MediaError):
            await engine.hls(CAMERA, "index.m3u8", "")
        with pytest.raises(MediaError):
            await engine.whep(CAMERA, b"v=0", door.issue(CAMERA))
        with pytest.raises(MediaError):
            await engine.viewers()
        await engine.kick(door.issue(CAMERA))


async def test_a_busy_webrtc_port_is_one_line_that_names_the_remedy(
    make_engine: MakeEngine, nursery: trio.Nursery
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        with pytest.raises(
            StartupError, match=r"media\.webrtc_port = \d+: .* in use .*set media\.webrtc_port"
        ):
            await nursery.start(make_engine(webrtc_port=taken.getsockname()[1]).run)


async def test_a_program_that_ends_at_once_is_one_line_with_its_last_words(
    make_engine: MakeEngine, nursery: trio.Nursery, tmp_path: Path
) -> None:
    program = tmp_path / "mediamtx-broken"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo v1.20.1 && exit\necho "ERR: no luck"; exit 1\n'
    )
    program.chmod(0o755)
    with pytest.raises(StartupError, match=r"exit code 1\): ERR: no luck.*media\.engine") as refused:
        await nursery.start(make_engine(program=program).run)
    assert "\n" not in str(refused.value)


async def test_another_version_is_refused_before_anything_is_started(
    make_engine: MakeEngine, nursery: trio.Nursery, tmp_path: Path
) -> None:
    program = tmp_path / "mediamtx-2"
    program.write_text("#!/bin/sh\necho v2.0.0\n")
    program.chmod(0o755)
    with pytest.raises(StartupError, match=r"v2\.0\.0.*1\.20"):
        await nursery.start(make_engine(program=program).run)
    assert not (tmp_path / "mediamtx").exists()


async def test_it_is_stopped_with_us_and_tells_no_secret(
    make_engine: MakeEngine, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine()
    with caplog.at_level(logging.DEBUG):
        async with trio.open_nursery() as nursery:
            await nursery.start(engine.run)
            pid = engine.pid
            (output,) = engine.outputs(CAMERA)
            assert isinstance(output, RtspOutput)
            await engine.hls(CAMERA, "index.m3u8", "")
            began = time.monotonic()
            nursery.cancel_scope.cancel()
    assert time.monotonic() - began < 2
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "started with listener" in caplog.text
    for secret in (door.api_secret, door.hls_secret, door.publish_secret(CAMERA)):
        assert secret not in caplog.text


def _open_rtsp(url: str) -> None:
    av.open(url, options={"rtsp_transport": "tcp", "timeout": "8000000"}).close()


def _socket_inodes(pid: int | None) -> set[str]:
    links = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}


def _kernel_sockets(kind: str) -> list[tuple[str, str, str]]:
    rows = [line.split() for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    return [(row[1], row[3], row[9]) for row in rows]

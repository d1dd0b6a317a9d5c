"""HLS and snapshots through our own origin: asked once for all, and nobody's without the right to it."""

import os
from pathlib import Path

import pytest
import trio
from web_fakes import ADMIN, VIEWER, make_parts
from web_site import serving

from edged.cameras.state import CameraView
from edged.media.engine import LiveOffer, MediaReply
from edged.web.media.playlists import check_name, check_query
from edged.web.media.streams import keep
from edged.web.server.asgi import Refused

PLAYLIST = "application/vnd.apple.mpegurl"


async def test_fifty_viewers_are_one_question_to_the_engine() -> None:
    async with serving(make_parts()) as site:
        site.parts.engine.gate = trio.Event()
        told: list[int] = []

        async def view(token: str) -> None:
            async with site.client(token) as client:
                answer = await client.get("/hls/door/index.m3u8")
                told.append(answer.status_code)
                assert answer.content == b"#EXTM3U\n"
                assert answer.headers["content-type"] == PLAYLIST
                assert answer.headers["cache-control"] == "no-store"

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for _ in range(25):
                    nursery.start_soon(view, ADMIN)
                    nursery.start_soon(view, VIEWER)
                await trio.sleep(0.5)
                site.parts.engine.gate.set()
        assert told == [200] * 50
        assert len(site.parts.engine.asked) == 1


async def test_the_same_question_in_other_words_is_the_same_question() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        for query in ("_HLS_msn=7&_HLS_part=2", "_HLS_part=2&_HLS_msn=7", "_HLS_part=02&_HLS_msn=007"):
            assert (await client.get(f"/hls/door/index.m3u8?{query}")).status_code == 200
        assert site.parts.engine.asked == [("door", "index.m3u8", "_HLS_msn=7&_HLS_part=2")]


async def test_a_new_worker_is_asked_anew() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        await client.get("/hls/door/part1.mp4")
        site.parts.cameras.set(CameraView(slug="door", name="Door", state="live", since=2, worker_pid=43))
        site.parts.engine.files["part1.mp4"] = b"new"
        assert (await client.get("/hls/door/part1.mp4")).content == b"new"


async def test_a_silent_engine_is_a_503_at_once_for_this_and_a_new_question_next() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        site.parts.engine.down = True
        answer = await client.get("/hls/door/index.m3u8")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        site.parts.engine.down = False
        assert (await client.get("/hls/door/index.m3u8")).status_code == 200


async def test_a_missing_part_is_not_found_and_not_remembered() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        assert (await client.get("/hls/door/part2.mp4")).status_code == 404
        site.parts.engine.files["part2.mp4"] = b"now"
        assert (await client.get("/hls/door/part2.mp4")).content == b"now"


async def test_signing_out_is_a_401_at_once_also_for_what_is_waited_for() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        assert (await client.get("/hls/door/part1.mp4")).status_code == 200
        site.parts.engine.gate = trio.Event()
        waiting: list[int] = []

        async def wait() -> None:
            waiting.append((await client.get("/hls/door/index.m3u8?_HLS_msn=1")).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.sleep(0.2)
            await site.parts.sessions.revoke("s-viewer")
            site.parts.engine.gate.set()
        assert waiting == [401]
        assert (await client.get("/hls/door/part1.mp4")).status_code == 401


async def test_nothing_the_engine_calls_its_content_is_run_by_a_browser() -> None:
    parts = make_parts()
    async with serving(parts) as site, site.client(ADMIN) as client:

        async def hls(camera: str, name: str, query: str) -> MediaReply:
            return MediaReply(status=200, content_type="text/html; charset=utf-8", body=b"<script>")

        site.parts.engine.hls = hls
        assert (await client.get("/hls/door/x.mp4")).headers["content-type"] == "application/octet-stream"


async def test_a_camera_without_hls_has_none() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        site.parts.engine.offer = LiveOffer(webrtc=True, hls=False, low_latency=False)
        assert (await client.get("/hls/door/index.m3u8")).status_code == 404


async def test_head_has_the_length_and_no_body() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        answer = await client.head("/hls/door/part1.mp4")
        assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "8", b"")


async def test_the_snapshot_is_told_with_its_age_and_never_kept(tmp_path: Path) -> None:
    picture = tmp_path / "door.jpg"
    picture.write_bytes(b"\xff\xd8jpeg")
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        assert (await client.get("/images/door")).status_code == 404
        site.parts.cameras.snapshots["door"] = picture
        answer = await client.get("/images/door")
        assert (answer.status_code, answer.content) == (200, b"\xff\xd8jpeg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["age"]) < 60


async def test_a_snapshot_that_is_no_file_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        for name in ("link", "fifo", "empty", "missing", "."):
            site.parts.cameras.snapshots["door"] = tmp_path / name
            with trio.fail_after(5):
                assert (await client.get("/images/door")).status_code == 404


def test_media_is_kept_longer_than_playlists_and_refusals_not_at_all() -> None:
    reply = MediaReply(status=200, body=b"x" * 100)
    media, _ = keep(("door", 1, "part1.mp4", ""), reply)
    blocking, _ = keep(("door", 1, "video.m3u8", "_HLS_msn=1"), reply)
    plain, size = keep(("door", 1, "video.m3u8", ""), reply)
    assert media > blocking > plain > 0
    assert size >= 100
    assert keep(("door", 1, "part1.mp4", ""), MediaReply(status=404))[0] == 0
    # Embedded HLS has the pictures themselves in its entry playlist.
    assert keep(("door", 1, "index.m3u8", ""), MediaReply(status=200, body=b"#EXTINF:1,"))[0] == plain


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "a/b", "a\\b", "a b", "a\0", "é.mp4", "a..mp4", "a" * 129]
)
def test_names_that_could_lead_elsewhere_do_not_go_upstream(name: str) -> None:
    with pytest.raises(Refused) as refused:
        check_name(name)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "query",
    [
        b"x=1",
        b"_HLS_msn=",
        b"_HLS_msn=-1",
        b"_HLS_msn=1.5",
        b"_HLS_msn=1e3",
        b"_HLS_msn=99999999999",
        b"_HLS_msn=1&_HLS_msn=2",
        b"_HLS_part=1",
        b"_HLS_skip=NO",
        b"_HLS_msn=1&session=secret",
        b"_HLS_msn=%d9%a1",
        b"_HLS_msn=1;_HLS_part=1",
        b"&&&&",
        b"\xff",
        b"_HLS_msn=1&_HLS_part=1&_HLS_skip=YES&x=1",
    ],
)
def test_directives_that_cannot_be_are_refused(query: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check_query("video.m3u8", query)
    assert refused.value.status == 400


def test_directives_are_told_in_one_order() -> None:
    assert (
        check_query("a.m3u8", b"_HLS_skip=YES&_HLS_part=3&_HLS_msn=12")
        == "_HLS_msn=12&_HLS_part=3&_HLS_skip=YES"
    )
    assert check_query("a.m3u8", b"_HLS_skip=v2") == "_HLS_skip=v2"
    assert check_query("a.mp4", b"") == ""

"""HLS is fetched by plain names, with a session that renews itself."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import MediaError
from edged.media.mediamtx_api import Answer
from edged.media.mediamtx_hls import HlsSource


class FakeMediaMtx:
    """Answers like MediaMTX's HLS listener to its CDN: media only within a session, begun by the entry."""

    def __init__(self, statuses: dict[str, int] | None = None) -> None:
        self.session = False
        self.urls: list[str] = []
        self.statuses = statuses or {}

    async def fetch(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None, seconds: float
    ) -> Answer:
        assert method == "GET"
        assert headers["Authorization"] == "Bearer secret"
        assert seconds < 10
        self.urls.append(url.removeprefix("http://127.0.0.1:1"))
        await trio.sleep(0.01)
        name = url.partition("?")[0].rpartition("/")[2]
        if name in self.statuses:
            return Answer(self.statuses[name], {}, b"{}")
        if name == "index.m3u8":
            self.session = True
        elif not self.session:
            return Answer(401, {}, b"{}")
        return Answer(200, {"content-type": "x/y", "cache-control": "public"}, name.encode())


def source(fake: FakeMediaMtx) -> HlsSource:
    return HlsSource(fake, port=1, secret="secret")  # type: ignore[arg-type]


async def test_directives_are_passed_on(autojump_clock: trio.testing.MockClock) -> None:
    fake = FakeMediaMtx()
    hls = source(fake)
    await hls.get("porch", "index.m3u8", "")
    reply = await hls.get("porch", "video1_stream.m3u8", "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")
    assert (reply.status, reply.content_type, reply.body) == (200, "x/y", b"video1_stream.m3u8")
    assert fake.urls[-1] == "/porch/video1_stream.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"


async def test_a_lost_session_is_renewed_once_for_all(autojump_clock: trio.testing.MockClock) -> None:
    fake = FakeMediaMtx()
    hls = source(fake)
    for _ in range(2):
        fake.session = False
        fake.urls.clear()
        replies = []

        async def ask(number: int, replies: list[int] = replies) -> None:
            replies.append((await hls.get("porch", f"part{number}.mp4", "")).status)

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, number)
        assert replies == [200] * 8
        assert fake.urls.count("/porch/index.m3u8") == 1


@pytest.mark.parametrize(("theirs", "ours"), [(404, 404), (401, 404), (500, 503), (400, 400)])
async def test_refusals_are_told_by_status_only(theirs: int, ours: int) -> None:
    reply = await source(FakeMediaMtx({"index.m3u8": theirs})).get("porch", "index.m3u8", "")
    assert (reply.status, reply.body) == (ours, b"")


async def test_an_answer_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(MediaError):
        await source(FakeMediaMtx({"index.m3u8": 302})).get("porch", "index.m3u8", "")


@given(
    st.sampled_from(["porch", "..", "a/b", "porch?x", "porch#", "porch\n"]) | st.text(max_size=12),
    st.text(max_size=12)
    | st.sampled_from(["../x.mp4", "a/b.mp4", "x.mp4?session=1", ".mp4", "x.m3u8", "x.m3u8\n"]),
    st.text(max_size=12)
    | st.sampled_from(["session=1", "_HLS_msn=1&session=2", "_HLS_msn=-1", "_HLS_msn=1\n"]),
)
def test_nothing_but_names_and_directives_ever_reaches_mediamtx(camera: str, name: str, query: str) -> None:
    fake = FakeMediaMtx()

    async def ask() -> None:
        await source(fake).get(camera, name, query)

    trio.run(ask)
    for url in fake.urls:
        path, _, asked = url.partition("?")
        assert path == f"/{camera}/{name}"
        assert all(c.isalnum() or c in "-_./" for c in path)
        assert path.count("/") == 2
        assert ".." not in path
        assert asked == query
        assert not asked or asked.startswith("_HLS_")
        assert "\n" not in url
        assert "session" not in url

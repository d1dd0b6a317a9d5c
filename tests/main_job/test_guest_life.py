"""A guest at the real daemon: any player opens the link, and loses the picture when the code is revoked."""

import threading
import time
from pathlib import Path
from urllib.parse import urljoin

import av
import httpx
from lab.appliance import Appliance, running_appliance
from test_life import ONE_CAMERA

WISH = {
    "description": "a guest",
    "expires_at": None,
    "media_items": [{"media_type": "video", "media_slug": "front"}],
}


def share(appliance: Appliance) -> tuple[str, str]:
    """The id and the words of a new code."""
    made = appliance.web.post("/api/access-codes", json=WISH)
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["code"]


def addresses(playlist: str) -> list[str]:
    """Every address in a playlist, alone in a line or in an attribute."""
    found = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    return found + [piece.partition('"')[0] for piece in playlist.split('URI="')[1:]]


def test_any_player_plays_the_link_and_every_address_ends_with_the_code(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=ONE_CAMERA) as appliance:
        appliance.wait_live("front", seconds=20)
        code, words = share(appliance)
        entry = f"{appliance.url}/hls/front/index.m3u8?access_code={words}"

        # A player that knows of playlists only: no script of ours, no cookie.
        with av.open(entry, timeout=15) as stream:
            frames = stream.decode(video=0)
            assert [next(frames).width for _ in range(20)] == [640] * 20

        with httpx.Client(timeout=10) as guest:
            playlist, told = guest.get(entry), ""
            if "#EXTINF" not in playlist.text:
                playlist = guest.get(urljoin(entry, addresses(playlist.text)[0]))
            told = playlist.text
            found = addresses(told)
            assert found
            assert all(f"access_code={words}" in address for address in found)
            places = [urljoin(str(playlist.url), address) for address in found if "gap" not in address]
            assert guest.get(places[0]).status_code == 200
            assert guest.get(places[0].partition("?")[0]).status_code == 401

            # Wait for a picture that is far in the future, and lose the right to it meanwhile.
            blocked: list[tuple[int, float]] = []

            def wait() -> None:
                with httpx.Client(timeout=15) as waiting:
                    far = f"{playlist.url}&_HLS_msn={_next_segment(told) + 1}&_HLS_part=0"
                    answer = waiting.get(far)
                    blocked.append((answer.status_code, time.monotonic()))

            thread = threading.Thread(target=wait)
            thread.start()
            time.sleep(0.3)
            revoked = time.monotonic()
            assert appliance.web.delete(f"/api/access-codes/{words}").status_code == 204
            thread.join(10)
            ((status, ended),) = blocked
            if engine == "mediamtx":
                assert (status, ended - revoked < 0.5) == (404, True)
            print(f"revoked to refused: {(ended - revoked) * 1000:.0f} ms, {status}")
            for place in (entry, *places):
                refused = guest.get(place)
                assert (refused.status_code, refused.json()["reason"]) == (404, "code")

        listed = appliance.web.get("/api/access-codes").json()["access_codes"]
        assert [(each["id"], each["state"]) for each in listed] == [(code, "revoked")]
        assert words not in appliance.command("code", "list")
        assert words not in appliance.daemon.log()


def _next_segment(playlist: str) -> int:
    """The media sequence number of the segment after the last whole one."""
    first = next(
        int(line.partition(":")[2]) for line in playlist.splitlines() if line.startswith("#EXT-X-MEDIA-SEQ")
    )
    return first + playlist.count("#EXTINF")

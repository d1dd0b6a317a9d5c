"""Live media past us: Debian's nginx serves them from the real MediaMTX to those whom the daemon lets."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import av
import httpx
import pytest
from lab.appliance import running_appliance
from lab.nginx import running_nginx
from lab.processes import wait_until
from lab.visitor import PASSWORD, USERNAME
from past_us import CAMERAS, House, addresses, media, running_house

pytestmark = [pytest.mark.mediamtx, pytest.mark.nginx]

# An answer about a viewer is good for the second in which it was given; a busy machine takes its time too.
GONE_SECONDS = 4.0
UNSERVED = "web.proxy_unserved"


@pytest.fixture
def house(nginx: Path, tmp_path: Path) -> Iterator[House]:
    """Cameras that are live, and nobody's viewers."""
    with running_house(nginx, tmp_path) as house:
        yield house


def wait_refused(client: httpx.Client, segment: str) -> None:
    """Until media that were open are refused."""
    wait_until(
        lambda: client.get(segment).status_code == 401, what="refused", seconds=GONE_SECONDS, every=0.05
    )


def test_who_may_watch_is_served_past_us_and_loses_it_within_a_second(house: House) -> None:
    with house.client() as viewer, house.client() as nobody:
        # Somebody with an account signs in through nginx, and is known by the address that nginx tells.
        assert viewer.post("/login", json={"username": USERNAME, "password": PASSWORD}).status_code == 204
        playlist, segment = media(viewer, "/hls/front/index.m3u8")
        before = house.answered_by_us()
        for _ in range(20):
            assert viewer.get(segment).status_code == viewer.get(playlist).status_code == 200
        assert house.answered_by_us() == before
        for address in (segment, playlist):
            told = viewer.get(address).headers
            assert told["cache-control"] == "no-store"
            assert "x-edged" not in str(told).lower()

        # Nobody, and a pass on another camera's media.
        _, other = media(viewer, "/hls/back/index.m3u8")
        word = segment.split("/")[-2]
        assert nobody.get("/hls/front/index.m3u8").status_code == 401
        for wrong in (
            segment.replace(word, "x" * 32),
            segment.replace(f"/{word}", ""),
            other.replace(other.split("/")[-2], word),
            segment.replace("/front/", "/back/"),
            playlist.replace("/front/", "/back/"),
            f"{house.proxy.url}/.edged-pass",
            f"{house.proxy.url}/pass/front/{word}",
        ):
            assert nobody.get(wrong).status_code in {401, 404}, wrong
        # The pass alone is enough where it is right.
        assert nobody.get(segment).status_code == 200

        # A guest with a code, in a player that knows of playlists only.
        words = house.share()
        entry = f"/hls/front/index.m3u8?access_code={words}"
        with av.open(house.proxy.url + entry, timeout=15) as stream:
            frames = stream.decode(video=0)
            assert [next(frames).width for _ in range(20)] == [640] * 20
        with house.client() as guest:
            listed, shown = media(guest, entry)
            assert words not in listed + shown
            assert guest.get(shown).status_code == 200
            assert house.appliance.web.delete(f"/api/access-codes/{words}").status_code == 204
            revoked = time.monotonic()
            assert guest.get(listed).status_code == 401
            assert guest.get(f"{listed}?access_code={words}").json()["reason"] == "code"
            wait_refused(guest, shown)
            print(f"revoked to refused: {(time.monotonic() - revoked) * 1000:.0f} ms")
            assert guest.get(entry).json()["reason"] == "code"

        # Signing out is as quick, also for whoever was given the pass.
        assert nobody.get(segment).status_code == 200
        assert viewer.post("/logout").status_code == 303
        assert nobody.get(playlist).status_code == 401
        wait_until(
            lambda: nobody.get(segment).status_code == 401,
            what="signed out",
            seconds=GONE_SECONDS,
            every=0.05,
        )


def test_seats_and_viewers_are_counted_past_us(house: House) -> None:
    with house.client() as one, house.client() as two:
        words = house.share(most_viewers=1)
        entry = f"/hls/front/index.m3u8?access_code={words}&viewer="
        playlist, segment = media(one, f"{entry}one")
        refused = two.get(f"{entry}two")
        assert (refused.status_code, refused.json()["reason"]) == (429, "seats")
        # Past the seconds for which a seat is kept: what keeps it now is asked past us.
        until = time.monotonic() + 11
        while time.monotonic() < until:
            assert one.get(playlist).status_code == 200
            time.sleep(0.5)
        (code,) = house.appliance.web.get("/api/access-codes").json()["access_codes"]
        assert code["viewers_now"] == 1
        assert two.get(f"{entry}two").status_code == 429
        # One's pass, shown by somebody else in the very second in which one was let through.
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=house.proxy.url, timeout=15, transport=elsewhere) as other:
            _, shown = media(one, f"{entry}one")
            assert one.get(shown).status_code == 200
            refused = other.get(shown)
            assert (refused.status_code, refused.json()["reason"]) == (429, "seats")
            assert one.get(shown).status_code == 200
        assert one.get(segment).status_code in {200, 404}
        assert 'edged_engine_viewers{protocol="hls"} 1.0' in httpx.get(house.appliance.metrics_url).text


def test_viewers_past_us_come_through_the_end_of_mediamtx(house: House) -> None:
    with house.client() as viewer:
        entry = f"/hls/front/index.m3u8?access_code={house.share()}&viewer=v"
        playlist, _ = media(viewer, entry)
        (pid,) = house.appliance.processes(r"mediamtx .*\.yml")
        os.kill(pid, signal.SIGKILL)

        def plays() -> bool:
            told = viewer.get(playlist)
            if told.status_code != 200:
                return False
            parts = [each for each in addresses(told.text) if "_seg" in each]
            return bool(parts) and viewer.get(urljoin(playlist, parts[-1])).status_code == 200

        wait_until(
            lambda: "restarting it" in house.appliance.daemon.log(), what="its end is seen", seconds=10
        )
        wait_until(plays, what="the same pass plays again", seconds=20, every=0.2)


def test_without_its_folder_cameras_record_and_it_is_told_until_it_is_there(
    nginx: Path, tmp_path: Path
) -> None:
    sockets = tmp_path / "sockets"
    with running_appliance(
        tmp_path / "edged", engine="embedded", settings=CAMERAS, proxy_folder=sockets
    ) as appliance:

        def told() -> list[str]:
            return [each["cause"] for each in appliance.health()["issues"] if each["id"] == UNSERVED]

        appliance.wait_camera("front", lambda camera: camera.get("recording"), what="records", seconds=30)
        (cause,) = told()
        assert f"web.proxy_folder = '{sockets}'" in cause
        sockets.mkdir(mode=0o700)
        # There they are, for nobody but this user: who may be nginx's too, as it is here.
        wait_until(lambda: all("in which is nobody" in each for each in told()), what="opened", seconds=15)
        with (
            running_nginx(nginx, tmp_path / "nginx", sockets=sockets) as proxy,
            httpx.Client(base_url=proxy.url, timeout=15) as viewer,
        ):
            assert viewer.get("/login").status_code == 200
            wait_until(lambda: not told(), what="somebody came", seconds=15)
            # HTTP/1.0 needs no name of a host.
            with socket.create_connection(
                ("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=15
            ) as old:
                old.sendall(b"GET /login HTTP/1.0\r\n\r\n")
                assert old.recv(100).startswith(b"HTTP/1.1 200")
            # Lost sockets are opened anew, also for an nginx that knows the old ones.
            for name in ("web.sock", "desk.sock"):
                (sockets / name).unlink()
            wait_until(lambda: len(list(sockets.iterdir())) == 2, what="opened anew", seconds=15)
            with httpx.Client(base_url=proxy.url, timeout=15) as another:
                assert another.get("/login").status_code == 200
        assert appliance.camera("front")["recording"]
        appliance.stop()
    assert list(sockets.iterdir()) == []


def test_no_secret_reaches_nginxs_logs_or_ours(house: House) -> None:
    words = house.share()
    secret = {"wrong": "wrong-code-4711", "code": words, "password": PASSWORD}
    with house.client() as viewer, house.client() as guest:
        viewer.post("/login", json={"username": USERNAME, "password": PASSWORD})
        secret["session"] = viewer.cookies["edged_session"]
        entry = f"/hls/front/index.m3u8?access_code={words}&viewer=v"
        playlist, segment = media(guest, entry)
        secret["pass"] = segment.split("/")[-2]
        refers = {"Referer": f"{house.proxy.url}/watch/front?access_code={words}"}
        visits = [
            f"/watch/front?access_code={words}",
            f"{playlist}?access_code={words}&_HLS_msn=1",
            f"{segment}?access_code={words}",
            f"/{PASSWORD}?access_code=wrong-code-4711",
            f"/static/none?access_code={words}",
            f"/hls/{words}/index.m3u8",
            f"/%zz?access_code={words}",
            f"/api/access-codes/{words}",
        ]
        for asker in (viewer, guest):
            for visit in visits:
                asker.get(visit, headers=refers)
                asker.request("PURGE", visit, headers=refers)
        assert viewer.delete(f"/api/access-codes/{words}").status_code == 204
        guest.get(segment, headers=refers)
        # What was open in this very second may still be: nginx has both the answer and the segment.
        wait_refused(guest, segment)
        config = next(house.appliance.folder.glob("run/mediamtx/*.yml")).read_text()
        for number, found in enumerate(re.findall(r"[A-Za-z0-9_-]{20,}", config)):
            secret[f"MediaMTX's {number}"] = found
        # Whatever nginx has to say when nobody answers behind it.
        house.appliance.stop()
        for visit in (entry, *visits):
            assert guest.get(visit, headers=refers).status_code >= 400
    house.proxy.program.stop(signal.SIGQUIT)
    said, ours = house.proxy.logs(), house.appliance.daemon.log()
    assert " GET hls 200 " in said
    assert len(secret) >= 8
    told = [name for name, word in secret.items() if word in said or word in ours]
    assert not told, [line for line in said.splitlines() for name in told if secret[name] in line]

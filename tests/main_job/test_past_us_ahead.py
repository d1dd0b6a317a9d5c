"""Players that ask for a part before it is there, past us: held until it is, fetched once for all of them."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from lab.processes import wait_until
from past_us import House, media, running_house

pytestmark = [pytest.mark.mediamtx, pytest.mark.nginx]

VIEWERS = 20
# Before the stalled camera's worker is replaced.
GONE_SECONDS = 3.0
LOG = "parts.log"


def logging_parts(site: str) -> str:
    """The site, which also logs whether nginx had each part that it served."""
    folder = re.search(r"access_log (\S+)/access\.log", site)
    assert folder is not None
    head, word, parts = site.rpartition("location ~")
    parts = parts.replace("access_log off;", f"access_log {folder[1]}/{LOG} edged_parts;", 1)
    return f"log_format edged_parts '$edged_name $status $upstream_cache_status';\n{head}{word}{parts}"


@pytest.fixture
def house(nginx: Path, tmp_path: Path) -> Iterator[House]:
    """Cameras that are live, and nobody's viewers; parts are logged."""
    with running_house(nginx, tmp_path, changed=logging_parts) as house:
        yield house


def hint(client: httpx.Client, playlist: str) -> str:
    """The address of the part that is hinted at now."""
    told = re.search(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', client.get(playlist).text)
    assert told is not None
    return urljoin(playlist, told[1])


def test_a_part_that_all_ask_for_ahead_is_fetched_once(house: House) -> None:
    words = house.share()
    with house.client() as client, ThreadPoolExecutor(VIEWERS) as viewers:
        playlists = [
            media(client, f"/hls/front/index.m3u8?access_code={words}&viewer=v{n}")[0] for n in range(VIEWERS)
        ]
        for _ in range(2):
            name = hint(client, playlists[0])

            def view(playlist: str, name: str = name) -> httpx.Response:
                with house.client() as own:
                    return own.get(urljoin(playlist, name.rpartition("/")[2]))

            answers = [*viewers.map(view, playlists)]
            assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
            assert answers[0].content
        told = wait_until(lambda: _last(house, VIEWERS), what="the log", seconds=10)
        assert {name.rpartition("/")[2]} == {line[0] for line in told}
        # Some may have come while it was fetched, for longer than nginx has them wait.
        assert Counter(line[2] for line in told)["HIT"] >= VIEWERS * 3 // 4


def test_who_waits_for_a_part_loses_it_with_the_code(house: House) -> None:
    words = house.share()
    with house.client() as guest:
        playlist, _ = media(guest, f"/hls/front/index.m3u8?access_code={words}")
        # No further part comes: its worker hangs.
        worker = house.appliance.camera("front")["worker_pid"]
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.5)
        ahead = hint(guest, playlist)
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(guest.get, ahead)
            time.sleep(0.5)
            assert not answer.done()
            assert house.appliance.web.delete(f"/api/access-codes/{words}").status_code == 204
            assert answer.result(timeout=GONE_SECONDS).status_code == 401


def _last(house: House, count: int) -> list[list[str]]:
    """The last lines of the log of parts, once all are written."""
    lines = [line.split() for line in (house.proxy.folder / LOG).read_text().splitlines()]
    return lines[-count:] if len(lines) >= 2 * count else []

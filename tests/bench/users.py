"""People at the web, as threads: each has a connection of its own, from an address of its own on loopback."""

import http.client
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

FIRST_ADDRESS = 20
PIECE = 256 * 1024


class User:
    """One person with a signed-in session; `number` chooses the address 127.0.0.x that the box sees."""

    def __init__(self, url: str, number: int, cookie: str = "") -> None:
        parts = urlsplit(url)
        source = (f"127.0.0.{FIRST_ADDRESS + number}", 0)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=20, source_address=source
        )
        self._headers = {"Cookie": cookie} if cookie else {}
        self._buffer = bytearray(PIECE)

    def get(self, path: str) -> float:
        """Ask for `path`, read all of the answer; the seconds it took. Raises AssertionError unless 200."""
        began = time.perf_counter()
        for attempt in (1, 2):
            try:
                self._connection.request("GET", path, headers=self._headers)
                answer = self._connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                # It was idle for longer than the server keeps a connection.
                self._connection.close()
                if attempt == 2:
                    raise
        while answer.readinto(self._buffer):
            pass
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status}")
        return time.perf_counter() - began

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def at_a_pace(users: Sequence[User], paths: Sequence[str], *, every: float, seconds: float) -> list[float]:
    """Each asks for the paths in turn, once `every` seconds; seconds of each answer.

    Their phases are spread evenly, as those of people are.
    """
    end = time.monotonic() + seconds

    def visit(number: int) -> list[float]:
        took = []
        due = time.monotonic() + every * number / len(users)
        asked = number
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            took.append(users[number].get(paths[asked % len(paths)]))
            asked += 1
            due += every
        return took

    with ThreadPoolExecutor(len(users)) as pool:
        return [one for each in pool.map(visit, range(len(users))) for one in each]


def in_a_rush(users: Sequence[User], paths: Sequence[str], *, requests: int) -> float:
    """All ask at once and again without a pause, `requests` in all; the seconds until all are answered."""
    lock = threading.Lock()
    asked = 0

    def visit(user: User) -> None:
        nonlocal asked
        while True:
            with lock:
                number, asked = asked, asked + 1
            if number >= requests:
                return
            user.get(paths[number % len(paths)])

    began = time.perf_counter()
    with ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(visit, users))
    return time.perf_counter() - began

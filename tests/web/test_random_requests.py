"""Ten thousand random requests: each is answered, none by a fault, and nothing of them is left."""

import contextlib
import gc
import logging
import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import trio
from lab.clock import Clock
from matrix import DAY, NAME, ROWS, Row
from random_requests import Request, make
from web_house import PASSWORD, real_parts

from edged.access.accounts import AccessError
from edged.access.subject import ROOT, Item
from edged.web.app import create_front
from edged.web.server.keepalive import shield_last_send

REQUESTS, AT_ONCE = 10_000, 16
PEOPLE = (("admin", "admin"), ("boss", "admin"), ("viewer", "viewer"), ("stranger", "viewer"))
DEFAULT_SEED = 20261121


class Crowd:
    """Sends requests to the application itself, as many kinds of askers."""

    def __init__(self, app: Any, parts: Any, seed: int) -> None:
        self.app, self.parts = app, parts
        self.rng = random.Random(seed)
        self.tokens: dict[str, str] = {}
        self.names: list[str] = [*(name for name, _ in PEOPLE), "ann"]
        self.statuses: Counter[int] = Counter()
        self.sent = 0

    async def refresh(self) -> None:
        """People and codes that random requests have removed come back."""
        for name, role in PEOPLE:
            with contextlib.suppress(AccessError):  # others change people meanwhile
                await self._bring_back(name, role)
        items = [Item(media_type=kind, media_slug="door") for kind in ("video", "image", "recordings")]
        code, words = await self.parts.codes.create(ROOT, description="x", items=items, expires_at=None)
        self.names = [*self.names[:5], code.id, words]

    async def _bring_back(self, name: str, role: Any) -> None:
        accounts, sessions = self.parts.accounts, self.parts.sessions
        users = {user.name: user for user in await accounts.users()}
        if name not in users:
            cameras = ["door"] if role == "viewer" else None
            users[name] = await accounts.create_user(
                username=name, password=PASSWORD, role=role, cameras=cameras
            )
        if users[name].disabled:
            await accounts.set_disabled(name, False)
        if sessions.lookup(self.tokens.get(name, "")) is None:
            self.tokens[name] = await sessions.create(users[name])

    async def send(self, request: Request, number: int) -> None:
        """One request, until its answer is whole or, for one that goes on, has begun."""
        over = trio.Event()
        given = False
        headers = list(request.headers)
        if request.who in self.tokens:
            headers.append((b"cookie", f"edged_session={self.tokens[request.who]}".encode()))
        if request.who == "engine":
            headers.append((b"authorization", f"Bearer {self.parts.door.hook_secret}".encode()))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"spec_version": "2.3", "version": "3.0"},
            "method": request.method,
            "scheme": "http",
            "path": unquote_to_bytes(request.path).decode("utf-8", "replace"),
            "raw_path": request.path,
            "query_string": request.query,
            "root_path": "",
            "headers": headers,
            "client": None
            if request.who == "root"
            else (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 5),
            "server": ("127.0.0.1", 80),
            "state": {"control": request.who == "root"},
            "extensions": {},
        }

        async def receive() -> dict[str, Any]:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": request.body, "more_body": False}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += 1
                assert message["status"] < 500, f"{message['status']} for {request}"
                told = b"\n".join(value for _, value in message["headers"])
                assert b"\n\n" not in told.replace(b"\r", b"\n")
            elif not message.get("more_body") or b"event: cameras" in message.get("body", b""):
                over.set()

        with trio.fail_after(30):
            await self.app(scope, receive, send)

    async def work(self, rows: dict[str, Row]) -> None:
        """Send requests until there were enough."""
        askers = [*(name for name, _ in PEOPLE), "", "", "engine", "root"]
        while self.sent < REQUESTS:
            self.sent += 1
            if self.sent % 200 == 0:
                await self.refresh()
            await self.send(make(self.rng, rows, askers, self.names), self.sent)


def resident() -> int:
    """Resident memory of this process in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.both_libraries
async def test_ten_thousand_random_requests_leave_no_fault_and_no_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seed = int(os.environ.get("EDGED_SEED", DEFAULT_SEED))
    caplog.set_level(logging.WARNING)
    async with real_parts(tmp_path, Clock()) as parts:
        fakes: Any = parts
        front = create_front(parts)
        crowd = Crowd(shield_last_send(front), parts, seed)
        await crowd.refresh()
        file = tmp_path / "file"
        file.write_bytes(b"0123456789")
        fakes.library.files["door", DAY, f"{NAME}.mp4"] = fakes.cameras.snapshots["door"] = file
        # Signing in is slowed down for seconds when it fails; `test_gates` and `test_throttle` see to it.
        rows = {route: row for route, row in ROWS.items() if route != "POST /login"}
        async with trio.open_nursery() as house:
            for part in (parts.sessions, parts.codes):
                await house.start(part.run)
            await house.start(front.run)
            async with front.quart.app_context():
                await front.quart.startup()
            await trio.testing.wait_all_tasks_blocked()
            tasks = trio.lowlevel.current_statistics().tasks_living
            begun_with = 0  # bytes, once everything has been used for the first time
            async with trio.open_nursery() as senders:
                for _ in range(AT_ONCE):
                    senders.start_soon(crowd.work, rows)
                while crowd.sent < REQUESTS:
                    await trio.sleep(0.5)
                    if not begun_with and crowd.sent > REQUESTS // 5:
                        begun_with = resident()
            gc.collect()
            grown = resident() - begun_with
            # Pictures whose viewers are gone end as the engine says so.
            for viewing in front.whep.viewings:
                await fakes.engine.kick(viewing.ticket)
            for viewing in front.whep.viewings:
                front.whep._let_go(viewing)
            await trio.sleep(1)
            left = trio.lowlevel.current_statistics().tasks_living
            house.cancel_scope.cancel()
    faults = [r for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info]
    assert not faults, f"EDGED_SEED={seed}: {[r.getMessage() for r in faults[:3]]} {faults[0].exc_text}"
    assert crowd.statuses.total() >= REQUESTS
    # They do get somewhere, and are not all refused at the same gate.
    assert {200, 201, 204, 303, 400, 401, 403, 404, 405, 409, 413, 422} < crowd.statuses.keys()
    assert crowd.statuses[200] > REQUESTS // 20
    assert left <= tasks, "tasks are left"
    assert front.ends.going == 0
    assert grown < 24 * 1024 * 1024
    told = caplog.text
    assert not any(words in told for words in (*crowd.tokens.values(), crowd.names[-1]))

"""Passes: one viewer's right to one camera, as a word in the way of its media."""

from typing import Any

import pytest
import trio
from lab.clock import Clock
from web_fakes import ADMIN, CODE, OTHER_CODE, VIEWER, make_parts

from edged.access.subject import Subject
from edged.web import guard
from edged.web.media.passes import IDLE_SECONDS, MOST, PASS, Passes
from edged.web.media.viewings import seat_key


def house() -> tuple[Any, Passes, Clock]:
    parts: Any = make_parts()
    clock = Clock(100.0)
    return parts, Passes(parts, clock), clock


def asked(token: str = "", *, code: str = "", viewer: str = "", address: str = "10.0.0.1") -> Any:
    """A request for the entry playlist."""
    cookie = [(b"cookie", f"edged_session={token}".encode())] if token else []
    scope: dict[str, Any] = {"client": (address, 5), "headers": [(b"user-agent", b"VLC"), *cookie]}
    return scope | {"edged.viewer": viewer} | ({"edged.access_code": code} if code else {})


def who(parts: Any, scope: Any) -> Subject:
    return guard.admit(scope, parts, "watch", None)


def issue(parts: Any, passes: Passes, scope: Any, camera: str = "door") -> str:
    return passes.issue(scope, who(parts, scope), camera)


def test_a_viewer_has_one_pass_for_each_camera_and_nobody_elses() -> None:
    parts, passes, _ = house()
    admins = [issue(parts, passes, asked(ADMIN)) for _ in range(3)]
    assert len(set(admins)) == 1
    others = {
        issue(parts, passes, asked(ADMIN), "garden"),
        issue(parts, passes, asked(VIEWER)),
        issue(parts, passes, asked(code=CODE, viewer="v1")),
        issue(parts, passes, asked(code=CODE, viewer="v2")),
        issue(parts, passes, asked(code=CODE, viewer="v2", address="10.0.0.2")),
    }
    assert len({*admins, *others}) == 6
    assert all(PASS.fullmatch(word) for word in others)


def test_a_pass_opens_its_camera_only() -> None:
    parts, passes, _ = house()
    word = issue(parts, passes, asked(ADMIN))
    assert passes.find(word, "door") is not None
    for wrong in ("garden", "", "never-was"):
        assert passes.find(word, wrong) is None
    assert passes.find("x" * 32, "door") is None
    assert passes.find(word, "door") is not None  # asking wrongly costs nothing


async def test_a_pass_ends_with_the_session_or_code_that_it_was_given_for() -> None:
    parts, passes, _ = house()
    signed_in, guest = issue(parts, passes, asked(VIEWER)), issue(parts, passes, asked(code=CODE))
    await parts.sessions.revoke("s-viewer")
    assert passes.find(signed_in, "door") is None
    assert passes.find(guest, "door") is not None
    parts.codes.end("c-door")
    assert passes.find(guest, "door") is None
    assert len(passes) == 0


def test_a_pass_ends_when_its_session_may_not_see_the_camera_any_more() -> None:
    parts, passes, _ = house()
    word = issue(parts, passes, asked(VIEWER))
    parts.sessions.subjects[VIEWER] = Subject(kind="viewer", user="vic", session="s-viewer")
    assert passes.find(word, "door") is None


def test_a_pass_that_nobody_uses_is_forgotten_and_one_in_use_lasts() -> None:
    parts, passes, clock = house()
    idle, used = issue(parts, passes, asked(ADMIN)), issue(parts, passes, asked(VIEWER))
    for _ in range(3):
        clock.now += IDLE_SECONDS / 2
        assert passes.find(used, "door") is not None
    assert passes.find(idle, "door") is None
    clock.now += IDLE_SECONDS
    assert issue(parts, passes, asked(code=OTHER_CODE), "garden")
    assert len(passes) == 1


def test_the_pass_unused_for_longest_gives_way() -> None:
    parts, passes, _ = house()
    first = issue(parts, passes, asked(code=CODE, viewer="first"))
    second = issue(parts, passes, asked(code=CODE, viewer="second"))
    passes.find(first, "door")
    for n in range(MOST - 1):
        issue(parts, passes, asked(code=CODE, viewer=f"v{n}"))
    assert len(passes) == MOST
    assert passes.find(second, "door") is None
    assert passes.find(first, "door") is not None


def test_a_pass_shown_from_elsewhere_is_another_viewer() -> None:
    parts, passes, _ = house()
    entry = asked(code=CODE, viewer="v1")
    found = passes.find(issue(parts, passes, entry), "door")
    assert found is not None
    assert seat_key(found.shown_from("10.0.0.1")) == seat_key(entry)
    assert seat_key(found.shown_from("10.0.0.2")) == seat_key(
        asked(code=CODE, viewer="v1", address="10.0.0.2")
    )


@pytest.mark.parametrize("token", [ADMIN, VIEWER])
def test_nothing_that_a_pass_remembers_is_the_code_that_was_brought(token: str) -> None:
    parts, passes, _ = house()
    found = passes.find(issue(parts, passes, asked(token, code=CODE)), "door")
    assert found is not None
    assert CODE not in repr(found)


async def test_the_clock_of_a_running_house_is_trios(mock_clock: trio.testing.MockClock) -> None:
    parts: Any = make_parts()
    passes = Passes(parts)
    word = issue(parts, passes, asked(ADMIN))
    mock_clock.jump(IDLE_SECONDS)
    assert passes.find(word, "door") is None

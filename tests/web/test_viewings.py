"""Seats: a code that is for so many viewers has no more of them, however they watch."""

from typing import Any

import pytest
from lab.clock import Clock
from web_fakes import CODE, SDP, make_parts
from web_site import serving

from edged.access.subject import Subject
from edged.web.media.viewings import MOST_OF_ADDRESS, SEAT_SECONDS, Viewings
from edged.web.server.asgi import Refused

TYPE = {"Content-Type": "application/sdp"}
GUEST = Subject(kind="guest", code="c-door")


def asked(viewer: str = "", *, address: str = "10.0.0.1", agent: str = "VLC") -> Any:
    scope = {"client": (address, 5), "headers": [(b"user-agent", agent.encode())]}
    return scope | ({"edged.viewer": viewer} if viewer else {})


def house(most: int | None) -> tuple[Viewings, Clock]:
    parts: Any = make_parts()
    if most is not None:
        parts.codes.most["c-door"] = most
    clock = Clock(100.0)
    return Viewings(parts, clock), clock


def test_the_last_seat_is_the_last() -> None:
    viewings, _ = house(2)
    viewings.sit(asked("v1"), GUEST)
    viewings.sit(asked("v2"), GUEST)
    with pytest.raises(Refused) as refused:
        viewings.sit(asked("v3"), GUEST)
    assert (refused.value.status, refused.value.reason) == (429, "seats")
    viewings.sit(asked("v1"), GUEST)  # who sits may stay
    assert viewings.now("c-door") == 2


def test_a_seat_is_free_ten_seconds_after_the_last_request() -> None:
    viewings, clock = house(1)
    viewings.sit(asked("v1"), GUEST)
    clock.now += SEAT_SECONDS - 0.1
    with pytest.raises(Refused):
        viewings.sit(asked("v2"), GUEST)
    clock.now += 0.2
    viewings.sit(asked("v2"), GUEST)
    with pytest.raises(Refused):
        viewings.sit(asked("v1"), GUEST)


def test_a_running_picture_keeps_its_seat_however_long_and_frees_it_at_its_end() -> None:
    viewings, clock = house(1)
    viewings.show(GUEST, viewings.sit(asked("v1"), GUEST), "door", "w1", lambda: None)
    clock.now += 3600
    with pytest.raises(Refused):
        viewings.sit(asked("v2"), GUEST)
    viewings.hide(GUEST, viewings.sit(asked("v1"), GUEST), "door", "w1")
    clock.now += SEAT_SECONDS
    viewings.sit(asked("v2"), GUEST)


def test_a_second_picture_of_the_same_camera_on_one_seat_ends_the_first() -> None:
    viewings, _ = house(1)
    ended: list[str] = []
    for picture, camera in (("w1", "door"), ("w2", "garden"), ("w3", "door")):
        key = viewings.sit(asked("v1"), GUEST)
        viewings.show(GUEST, key, camera, picture, lambda picture=picture: ended.append(picture))
    assert ended == ["w1"]


def test_players_without_an_id_are_told_apart_by_address_and_program() -> None:
    viewings, _ = house(None)
    for scope in (asked(), asked(), asked(agent="Safari"), asked(address="10.0.0.2")):
        viewings.sit(scope, GUEST)
    assert viewings.now("c-door") == 3


def test_made_up_ids_of_one_address_are_a_few_viewers_of_a_code_for_any_number() -> None:
    viewings, _ = house(None)
    for n in range(40):
        viewings.sit(asked(f"v{n}"), GUEST)
    assert viewings.now("c-door") == MOST_OF_ADDRESS
    viewings.sit(asked("v1", address="10.0.0.2"), GUEST)
    viewings.sit(asked("v1", address="2001:db8::1"), GUEST)
    viewings.sit(asked("v2", address="2001:db8::2"), GUEST)
    assert viewings.now("c-door") == MOST_OF_ADDRESS + 3


def test_a_proxy_of_this_box_is_as_many_viewers_as_it_says() -> None:
    viewings, _ = house(None)
    for n in range(40):
        viewings.sit(asked(f"v{n}", address="127.0.0.1"), GUEST)
    assert viewings.now("c-door") == 40


def test_each_seat_of_a_code_that_has_so_many_counts() -> None:
    viewings, _ = house(20)
    for n in range(20):
        viewings.sit(asked(f"v{n}"), GUEST)
    assert viewings.now("c-door") == 20
    with pytest.raises(Refused):
        viewings.sit(asked("v20"), GUEST)


def test_one_id_at_two_addresses_is_two_viewers() -> None:
    viewings, _ = house(1)
    viewings.sit(asked("v1"), GUEST)
    with pytest.raises(Refused):
        viewings.sit(asked("v1", address="10.0.0.2"), GUEST)


def test_who_has_an_account_needs_no_seat_and_nothing_of_who_left_is_kept() -> None:
    viewings, clock = house(0)
    assert viewings.sit(asked("v1"), Subject(kind="viewer", session="s")) == ""
    open_house, clock = house(None)
    for n in range(100):
        open_house.sit(asked(f"v{n}"), GUEST)
    clock.now += SEAT_SECONDS
    open_house.sweep()
    assert open_house._seats == {}


def test_a_seat_on_which_nothing_came_is_free_again_and_one_that_was_taken_before_is_not() -> None:
    viewings, clock = house(1)

    def fail(viewer: str) -> None:
        with viewings.seeking(asked(viewer), GUEST):
            assert viewings.now("c-door") == 1
            clock.now += SEAT_SECONDS * 2  # who waits keeps the seat
            assert viewings.now("c-door") == 1
            raise Refused(404)

    with pytest.raises(Refused):
        fail("v1")
    assert viewings.now("c-door") == 0
    with viewings.seeking(asked("v2"), GUEST), pytest.raises(Refused):
        viewings.sit(asked("v1"), GUEST)
    assert viewings.now("c-door") == 1
    clock.now += 1
    with pytest.raises(Refused), viewings.seeking(asked("v2"), GUEST):
        raise Refused(404)
    assert viewings.now("c-door") == 1


async def test_who_gets_no_media_takes_no_seat() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        site.parts.codes.most["c-door"] = 1
        asks = f"?access_code={CODE}&viewer="
        assert (await guest.get(f"/hls/door/missing.mp4{asks}v1")).status_code == 404
        site.parts.engine.whep_status = 400
        assert (await guest.post(f"/whep/door{asks}v2", content=SDP, headers=TYPE)).status_code == 400
        assert (await guest.get(f"/hls/door/index.m3u8{asks}v3")).status_code == 200


async def test_seats_hold_for_webrtc_and_hls_alike_and_a_reload_takes_no_second_one() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        site.parts.codes.most["c-door"] = 1
        address = f"/whep/door?access_code={CODE}&viewer=v1"
        assert (await guest.post(address, content=SDP, headers=TYPE)).status_code == 201
        assert (await guest.post(address, content=SDP, headers=TYPE)).status_code == 201
        assert len(site.parts.engine.kicked) == 1
        hls = f"/hls/door/index.m3u8?access_code={CODE}&viewer="
        assert (await guest.get(hls + "v1")).status_code == 200
        answer = await guest.get(hls + "v2")
        assert (answer.status_code, answer.json()["reason"]) == (429, "seats")
        assert answer.headers["retry-after"] == "5"

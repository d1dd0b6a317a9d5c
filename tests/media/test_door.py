"""The door lets in whom we vouched for, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.log import blacked_out
from edged.media.door import MAX_TICKETS, Door, Question

ID = "b7b1e8a4-5c1e-4f0e-9d0a-0d6f2f1f7a11"


def publish(door: Door, camera: str, **changes: str) -> Question:
    asked = {
        "ip": "127.0.0.1",
        "action": "publish",
        "protocol": "rtsp",
        "user": "publisher",
        "password": door.publish_secret(camera),
        "path": camera,
    }
    return Question(**(asked | changes))


def read(ticket: str, camera: str, **changes: str) -> Question:
    asked = {
        "ip": "::1",
        "action": "read",
        "protocol": "webrtc",
        "token": ticket,
        "path": camera,
        "id": ID,
    }
    return Question(**(asked | changes))


def test_a_worker_publishes_its_own_camera() -> None:
    door = Door()
    assert door.admits(publish(door, "porch"))


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "garage"},
        {"password": ""},
        {"password": "guessed"},
        {"user": ""},
        {"protocol": "webrtc"},
        {"action": "read"},
        {"ip": "192.0.2.7"},
        {"ip": "<nil>"},
        {"ip": ""},
        {"password": "\udcff"},
    ],
)
def test_a_publisher_that_is_not_quite_right_is_refused(changes: dict[str, str]) -> None:
    door = Door()
    assert not door.admits(publish(door, "porch", **changes))


def test_secrets_of_another_boot_are_worth_nothing() -> None:
    now, before = Door(), Door()
    assert not now.admits(publish(before, "porch"))
    assert not now.admits(Question(ip="127.0.0.1", action="api", token=before.api_secret))


def test_a_ticket_opens_one_camera_until_it_is_revoked() -> None:
    door = Door()
    ticket = door.issue("porch")
    assert door.admits(read(ticket, "porch"))
    assert not door.admits(read(ticket, "garage"))
    assert not door.admits(read(ticket, "porch", protocol="rtsp"))
    assert not door.admits(read("", "porch"))
    door.revoke(ticket)
    assert not door.admits(read(ticket, "porch"))


def test_sessions_of_a_ticket_stay_known_after_it_is_revoked_until_they_are_over() -> None:
    door = Door()
    ticket, other = door.issue("porch"), door.issue("porch")
    door.admits(read(ticket, "porch"))
    door.admits(read(ticket, "porch"))
    door.admits(read(ticket, "porch", id="no id at all"))
    assert door.sessions(ticket) == (ID,)
    assert door.sessions(other) == ()
    assert door.tickets() == {ID: ticket}
    door.revoke(ticket)
    assert door.sessions(ticket) == (ID,)
    assert door.tickets() == {}
    door.forget(ticket)
    assert door.sessions(ticket) == ()


def test_only_the_api_secret_opens_the_control_api() -> None:
    door = Door()
    assert door.admits(Question(ip="127.0.0.1", action="api", token=door.api_secret))
    for token in ("", door.hls_secret, door.publish_secret("api"), door.api_secret[:-1]):
        assert not door.admits(Question(ip="127.0.0.1", action="api", token=token))


def test_viewers_never_fill_the_memory() -> None:
    door = Door()
    first = door.issue("porch")
    tickets = [door.issue("porch") for _ in range(MAX_TICKETS)]
    assert not door.honours(first, "porch")
    assert all(door.honours(ticket, "porch") for ticket in tickets)


words = st.text(max_size=40) | st.sampled_from(
    ["publish", "read", "api", "playback", "metrics", "pprof", "rtsp", "webrtc", "hls", "publisher", "porch"]
)


@given(
    st.builds(
        Question,
        ip=st.just("127.0.0.1") | words,
        user=words,
        password=words,
        token=words,
        action=words,
        path=words,
        protocol=words,
        id=st.none() | words,
        query=words,
    )
)
def test_nobody_without_a_secret_gets_in(question: Question) -> None:
    door = Door()
    door.issue("porch")
    assert not door.admits(question)
    assert door.denied == 1


def test_no_logger_may_tell_a_secret_of_this_boot() -> None:
    door = Door()
    for secret in (door.api_secret, door.hls_secret, door.hook_secret):
        assert blacked_out(f"asked with {secret}") == "asked with [secret]"


def test_a_log_line_loses_every_secret() -> None:
    door = Door()
    publish = f"rtsp://publisher:{door.publish_secret('porch')}@127.0.0.1"
    line = f"{publish} {door.api_secret} Bearer {door.hls_secret}"
    told = door.redact(line)
    assert "127.0.0.1" in told
    for secret in (door.publish_secret("porch"), door.api_secret, door.hls_secret):
        assert secret not in told

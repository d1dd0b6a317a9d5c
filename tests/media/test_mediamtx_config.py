"""MediaMTX gets settings that open nothing but what we use."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import StartupError
from edged.media.mediamtx_config import CAMERAS, Ports, render_config, write_config

PORTS = Ports(api=20001, rtsp=20002, hls=20003, webrtc=20004, media=8189)
SECRET = "a-secret-of-this-boot-that-is-long"


def render(**changes: object) -> dict[str, object]:
    settings: dict[str, object] = {
        "ports": PORTS,
        "auth_url": "http://127.0.0.1:20005/abc",
        "hls_secret": SECRET,
    }
    known: dict[str, object] = json.loads(render_config(**(settings | changes)))  # type: ignore[arg-type]
    return known


def test_every_listener_but_webrtc_media_is_on_loopback() -> None:
    addresses = {k: str(v) for k, v in render().items() if k.endswith("Address") and v}
    assert addresses.pop("webrtcLocalUDPAddress") == ":8189"
    assert addresses.pop("authHTTPAddress").startswith("http://127.0.0.1:")
    assert set(addresses) == {"apiAddress", "rtspAddress", "hlsAddress", "webrtcAddress"}
    assert all(address.startswith("127.0.0.1:") for address in addresses.values())


def test_what_we_do_not_use_is_off_and_nothing_is_recorded() -> None:
    settings = render()
    for name in ("rtmp", "srt", "moq", "metrics", "pprof", "playback"):
        assert settings[name] is False
    assert settings["rtspTransports"] == ["tcp"]
    defaults = settings["pathDefaults"]
    assert isinstance(defaults, dict)
    assert defaults["record"] is False
    assert settings["authMethod"] == "http"
    assert settings["authHTTPExclude"] == []


def test_no_camera_needs_a_reload() -> None:
    assert list(render()["paths"]) == [CAMERAS]  # type: ignore[call-overload]
    pattern = CAMERAS.removeprefix("~")
    assert re.match(pattern, "front-door-2")
    for name in ("Front", "a/b", "", "..", "a b"):
        assert not re.match(pattern, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"auth_url": "http://192.0.2.7/abc"},
        {"auth_url": "https://127.0.0.1/abc"},
        {"auth_url": "http://localhost.example.org/abc"},
        {"hls_secret": ""},
        {"hls_secret": "short"},
        {"ports": Ports(api=0, rtsp=2, hls=3, webrtc=4, media=5)},
        {"ports": Ports(api=1, rtsp=2, hls=3, webrtc=4, media=65536)},
        {"webrtc_hosts": ("fine.example.org", "not a host")},
    ],
)
def test_values_that_cannot_be_meant_never_reach_mediamtx(changes: dict[str, object]) -> None:
    with pytest.raises(StartupError):
        render(**changes)


def test_hosts_by_name_and_by_address_are_passed_on() -> None:
    hosts = ("box.example.org", "192.0.2.7", "2001:db8::7", "box")
    assert render(webrtc_hosts=hosts)["webrtcAdditionalHosts"] == list(hosts)


@given(st.text(max_size=30))
def test_a_host_is_a_word_without_blanks_or_is_refused(host: str) -> None:
    try:
        hosts = render(webrtc_hosts=(host,))["webrtcAdditionalHosts"]
    except StartupError:
        return
    assert hosts == [host]
    assert re.fullmatch(r"[A-Za-z0-9.:%-]+", host)


def test_settings_are_for_our_eyes_only_and_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "mediamtx"
    folder.mkdir(mode=0o755)
    write_config(folder, "old " * 1000)
    path = write_config(folder, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == [path]

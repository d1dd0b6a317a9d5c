"""What is dumped loads back equal; the shipped file is made from the scheme."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.config import (
    CameraSettings,
    CaptureSettings,
    Config,
    LogSettings,
    MediaSettings,
    PathSettings,
    RecordingSettings,
    SiteSettings,
    WebSettings,
    commented_defaults,
    dump,
    parse_config,
)
from edged.config.rules import ENCODERS

SHIPPED = Path(__file__).parents[2] / "config" / "edged.toml"
SETTING = re.compile(r"# [a-z_]+ = ")
NOTHING: dict[str, str] = {"HOME": "/home/anna"}

printable = st.text(max_size=60).filter(lambda text: text.isprintable() and text == text.strip())
sides = st.integers(16, 3840).map(lambda half: 2 * half)
rates = st.floats(1, 240)
ports = st.integers(1, 65535)
paths = st.from_regex(r"/[a-z\"' ö#=\\]{1,8}", fullmatch=True)
slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def cameras(draw: Any) -> CameraSettings:
    size = draw(maybe(st.tuples(sides, sides))) or (None, None)
    return CameraSettings(
        name=draw(printable),
        source=draw(st.sampled_from(["", "synthetic"]) | paths.map(lambda path: "file:" + path)),
        enabled=draw(st.booleans()),
        record=draw(st.booleans()),
        width=size[0],
        height=size[1],
        fps=draw(maybe(rates)),
        bitrate_kbit=draw(maybe(st.integers(64, 100_000))),
        encoder=draw(maybe(st.sampled_from(ENCODERS))),
        tone=draw(st.booleans()),
    )


configs = st.builds(
    Config,
    site=st.builds(SiteSettings, name=printable),
    paths=st.builds(
        PathSettings,
        data=paths.map(lambda path: "/data" + path),
        recordings=paths.map(lambda path: "/footage" + path),
        runtime=paths.map(lambda path: "/run" + path),
    ),
    web=st.builds(
        WebSettings,
        listen=st.lists(ports, min_size=1, max_size=4, unique=True).map(
            lambda numbers: tuple(f"{'[::]' if n % 2 else '127.0.0.1'}:{n}" for n in numbers)
        ),
        session_days=st.integers(1, 365),
        proxy_folder=st.just("") | st.from_regex(r"/run/[a-z0-9._+-]{1,80}", fullmatch=True),
    ),
    media=st.builds(
        MediaSettings,
        engine=st.sampled_from(["auto", "mediamtx", "embedded"]),
        mediamtx=st.just("") | paths,
        webrtc_port=ports,
        webrtc_hosts=st.lists(st.sampled_from(["a.example", "192.0.2.1", "2001:db8::1"]), max_size=3).map(
            tuple
        ),
    ),
    recording=st.builds(RecordingSettings, enabled=st.booleans(), segment_seconds=st.integers(1, 3600)),
    capture=st.builds(
        CaptureSettings,
        max_width=sides,
        max_height=sides,
        fps=rates,
        bitrate_kbit=st.integers(64, 100_000),
        encoder=st.sampled_from(ENCODERS),
        stall_timeout=st.floats(1, 60),
    ),
    cameras=st.dictionaries(slugs, cameras(), max_size=3),
    log=st.builds(LogSettings, level=st.sampled_from(["debug", "info", "warning", "error"])),
)


@settings(max_examples=200, deadline=None)
@given(configs)
def test_what_is_dumped_loads_back_equal(config: Config) -> None:
    assert parse_config(dump(config), environ={}) == config


def test_the_dump_of_the_defaults_holds_whatever_the_environment_says() -> None:
    config = parse_config(
        "", environ={"STATE_DIRECTORY": "/var/lib/edged", "RUNTIME_DIRECTORY": "/run/edged"}
    )

    assert parse_config(dump(config), environ=NOTHING) == config


def test_the_shipped_file_is_made_from_the_scheme() -> None:
    assert SHIPPED.read_text("utf-8") == commented_defaults(), (
        "run: python -m edged.config > config/edged.toml"
    )


def test_the_shipped_file_changes_nothing() -> None:
    assert parse_config(commented_defaults(), environ=NOTHING) == parse_config("", environ=NOTHING)


def test_every_example_in_the_shipped_file_is_right_and_is_the_default() -> None:
    uncommented = re.sub(r"^# (?=[a-z_]+ = |\[)", "", commented_defaults(), flags=re.MULTILINE)

    config = parse_config(uncommented, environ=NOTHING)

    assert list(config.cameras) == ["front-door"]
    assert msgspec.structs.replace(config, cameras={}) == parse_config("", environ=NOTHING)


def test_every_setting_is_in_the_shipped_file() -> None:
    text = commented_defaults()

    for table in Config.__struct_fields__:
        assert f"[{table}" in text
    for name in (*CameraSettings.__struct_fields__, *CaptureSettings.__struct_fields__):
        assert re.search(rf"^# {name} = ", text, re.MULTILINE)


def test_every_setting_in_the_shipped_file_is_described() -> None:
    lines = commented_defaults().splitlines()

    bare = [line for before, line in pairwise(lines) if SETTING.match(line) and not before.startswith("## ")]

    assert bare == []


def test_settings_cannot_be_changed_once_loaded() -> None:
    config = parse_config("", environ=NOTHING)

    with pytest.raises(AttributeError):
        config.web.listen = ()  # type: ignore[misc]

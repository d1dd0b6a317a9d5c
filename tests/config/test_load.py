"""Settings are found, read and checked; every mistake is told at once, with its line."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.config import Config, load, load_config, parse_config
from edged.errors import ConfigError

HOME = {"HOME": "/home/anna"}


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environ=HOME)
    return list(caught.value.problems)


def problem(text: str) -> str:
    (only,) = problems(text)
    return only


def test_an_empty_file_runs() -> None:
    config = parse_config("", environ=HOME)

    assert config.web == Config().web
    assert config.web.listen == ("0.0.0.0:8080",)
    assert config.cameras == {}
    assert config.recording.enabled


def test_all_mistakes_are_told_at_once_each_with_its_line_key_value_and_what_is_allowed() -> None:
    found = problems(
        """\
[web]
listen = ["0.0.0.0:99999", "192.0.2.1:80", 5]
sesion_days = 3
webrtc_port = 8
[cameras.Front]
[cameras.back]
width = 640
fps = nan
bitrate_kbit = true
encoder = "libx265"
[wbe]
x = 1
[capture]
max_width = 641
[media]
engine = "mediamtxx"
"""
    )

    assert found == [
        'edged.toml:2: web.listen[0] = "0.0.0.0:99999": the port must be from 1 to 65535',
        'edged.toml:2: web.listen[2] = 5: must be text in quotes, as in "text"',
        'edged.toml:3: web.sesion_days = 3: there is no such setting (did you mean "session_days"?)',
        'edged.toml:4: web.webrtc_port = 8: there is no such setting (did you mean "media.webrtc_port"?)',
        (
            "edged.toml:5: cameras.Front: a camera's short name has lower-case letters, digits and inner"
            ' dashes only, at most 64 (did you mean "front"?)'
        ),
        "edged.toml:7: cameras.back.width = 640: height is missing; set both or none",
        "edged.toml:8: cameras.back.fps = nan: must be a number from 1 to 240",
        "edged.toml:9: cameras.back.bitrate_kbit = true: must be a whole number from 64 to 100000",
        (
            'edged.toml:10: cameras.back.encoder = "libx265": must be one of auto, libx264, libopenh264,'
            " h264_v4l2m2m, h264_vaapi, h264_qsv, h264_nvenc, h264_nvmpi, h264_rkmpp, h264_vulkan,"
            " nvv4l2h264enc"
            ' (did you mean "libx264"?)'
        ),
        'edged.toml:11: wbe = a table: there is no such setting (did you mean "web"?)',
        "edged.toml:12: wbe.x = 1: there is no such setting; there are listen, session_days, proxy_folder",
        "edged.toml:14: capture.max_width = 641: must be an even number from 32 to 7680",
        (
            'edged.toml:16: media.engine = "mediamtxx": must be one of "auto", "embedded", "mediamtx"'
            ' (did you mean "mediamtx"?)'
        ),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("web = 3", "edged.toml:1: web = 3: must be a table, [web]"),
        ("cameras = []", "edged.toml:1: cameras = []: must be tables, as in [cameras.front]"),
        ("[[web]]", "edged.toml:1: web = a list: must be a table, [web]"),
        ("[cameras]\nfront = 'x'", 'edged.toml:2: cameras.front = "x": must be a table, [cameras.front]'),
        ("web.listen = []", "must be a list of 1 to 16 values"),
        ("web.listen = '0.0.0.0:80'", "must be a list of 1 to 16 values"),
        ("web.listen = ['0.0.0.0:0']", "the port must be from 1 to 65535"),
        ("web.listen = ['0.0.0.0:٣']", "the port must be from 1 to 65535"),
        ("web.listen = ['::1:80']", 'must be "ADDRESS:PORT"'),
        ("web.listen = ['example.org:80']", 'must be "ADDRESS:PORT"'),
        ("web.listen = ['8080']", 'must be "ADDRESS:PORT"'),
        ("web.listen = ['0.0.0.0:80', '127.0.0.1:80']", '"0.0.0.0:80" serves there already'),
        ("web.listen = ['[::]:80', '[::]:080']", '"[::]:80" serves there already'),
        ("web.proxy_folder = 'here'", "must be the absolute path of a folder"),
        ("web.proxy_folder = '/tmp/with space'", "letters, digits and . _ + - only, for nginx"),
        ("web.proxy_folder = '/run/edged;'", "letters, digits and . _ + - only, for nginx"),
        (f"web.proxy_folder = '/{'x' * 97}'", "and at most 97 of them"),
        ("web.proxy_folder = '/proc'", "is the kernel's own"),
        ("web.proxy_folder = '/sys/x'", "is the kernel's own"),
        ("metrics.listen = ['0.0.0.0:9478']", "name a file with a token in metrics.token_file"),
        ("metrics.listen = ['[::]:9478']", 'or listen on "127.0.0.1:9478" only'),
        ("metrics.listen = ['127.0.0.1:8080']", "web.listen[0] serves there already"),
        ("metrics.listen = ['127.0.0.1:1', '[::1]:1', '127.0.0.1:1']", "metrics.listen[0] serves there"),
        ("metrics.token_file = 'token'", "must be the absolute path of a file with a token"),
        ("media.webrtc_port = 65536", "must be a whole number from 1 to 65535"),
        ("media.webrtc_port = 8e3", "must be a whole number"),
        ("media.webrtc_port = '8189'", "must be a whole number"),
        ("media.webrtc_hosts = ['a b']", "must be a host name or an IP address"),
        ("media.webrtc_hosts = ['300.1.1.1']", "must be a host name or an IP address"),
        ("media.mediamtx = 'bin/mediamtx'", "must be the absolute path of a program"),
        ("paths.data = 'here'", "must be the absolute path of a folder"),
        ("paths.data = '/a/../b'", 'without ".."'),
        ('paths.data = "/a\\u0000b"', "printable characters only"),
        ("paths.recordings = '/run/x/r'\npaths.runtime = '/run/x'", "must not be in paths.runtime"),
        ("paths.recordings = '/srv'\npaths.data = '/srv/data'", "must not contain paths.data"),
        ("recording.segment_seconds = 0", "from 1 to 3600"),
        ("retention.max_total_gb = -1", "must be a number from 0 to 1000000"),
        ("capture.stall_timeout = inf", "from 1 to 60"),
        ("capture.fps = 1979-05-27", "capture.fps = 1979-05-27: must be a number"),
        ("cameras.a.source = 'file:video.mp4'", "must be the absolute path of a file"),
        ("cameras.a.source = 'sintetic'", '(did you mean "synthetic"?)'),
        ("cameras.a.source = 'rtsp://u:p@h/'", 'must be "synthetic"'),
        ("cameras.a.height = 480", "width is missing; set both or none"),
        ("cameras.-a.record = true", "cameras.-a: a camera's short name"),
        ('site.name = "a\\nb"', 'site.name = "a\\nb": must be printable characters'),
        ("site.name = '" + "x" * 61 + "'", "must have at most 60 characters"),
        ("log.level = 'INFO'", '(did you mean "info"?)'),
        ("log.level = ['info']", 'log.level = ["info"]: must be one of'),
        ("media.webrtc_port = " + "9" * 400, "must be a whole number from 1 to 65535"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(text: str, told: str) -> None:
    assert told in problem(text)


def test_a_mistake_in_one_of_two_settings_is_not_told_twice() -> None:
    assert problem("[cameras.a]\nwidth = 641\nheight = 480") == (
        "edged.toml:2: cameras.a.width = 641: must be an even number from 32 to 7680"
    )


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ('[cameras."Foo Bar"]', 'cameras."Foo Bar": a camera\'s short name'),
        ("[camera.foo]", 'camera = a table: there is no such setting (did you mean "cameras"?)'),
        ("[Cameras.Foo]", 'Cameras = a table: there is no such setting (did you mean "cameras"?)'),
    ],
)
def test_mistakes_under_a_wrong_name_are_told_as_well(header: str, told: str) -> None:
    first, *under = (
        line
        for line in problems(f'{header}\nwidth = 640\ncolour = 3\nsource = "file:relative.mp4"\nfps = 15')
        if "Cameras.Foo: " not in line
    )

    table = header.strip("[]")
    assert first.startswith(f"edged.toml:1: {told}")
    assert [line.partition(" = ")[0] for line in under] == [
        f"edged.toml:2: {table}.width",
        f"edged.toml:3: {table}.colour",
        f"edged.toml:4: {table}.source",
    ]


def test_a_long_wrong_name_is_cut_wherever_it_is_told() -> None:
    found = problems(f"[cameras.{'X' * 100_000}]\n" + "\n".join(f"x{n} = 1" for n in range(300)))

    assert len(found) == 301
    assert max(map(len, found)) < 500


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nsession_days = 1\nsession_days = 2\n", "3: web.session_days: stands in line 2 already"),
        ("a = 1\na = [1,\n2]  # more\nb = 1", "2: a: stands in line 1 already"),
        ("[web]\n[log]\n[web] # again\n", "3: web: stands in line 1 already"),
        ("[web]\r\n[log]\r\n[web]\r\n", "3: web: stands in line 1 already"),
        ("\ncameras.a = {fps = 1, fps = 2, width = 3}", "2: cameras.a.fps: stands in line 2 already"),
        ("[web]\na = 1\na.b = 2", "3: web.a.b: does not go with web.a in line 2"),
        ("web = 1\n[web]\na.b = 2", "2: web: stands in line 1 already"),
        ("cameras = {}\n[cameras.a]", "2: cameras.a: does not go with cameras in line 1"),
        ("a = [1]\n[[a]]", "2: a: stands in line 1 already"),
        ("'\u202e' = 1\n'\u202e' = 1", '2: "\\u202E": stands in line 1 already'),
        ("x" * 9000 + " = 1\n" + "x" * 9000 + " = 1", "2: " + "x" * 80 + ": stands in line 1 already"),
    ],
)
def test_a_key_that_is_set_twice_is_named_with_both_lines(text: str, told: str) -> None:
    assert problem(text) == f"edged.toml:{told}; keep one of them"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = 1\nb =\n", "edged.toml:2: column 4: not TOML: "),
        ("\n\n[web", "edged.toml:3: at the end of the file: not TOML: "),
        ("a = " + "[" * 20_000, "nested too deeply"),
        ("a = " + "9" * 5_000, "not TOML"),
    ],
)
def test_a_syntax_error_is_told_with_its_place(text: str, told: str) -> None:
    found = problem(text)

    assert told in found or found.startswith(told)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("web.listn=[]{},\"'#\n\\ 1:0/"), max_size=40) | st.text(max_size=20))
def test_any_text_is_settings_or_a_list_of_one_line_problems(text: str) -> None:
    try:
        parse_config(text, environ=HOME)
    except ConfigError as error:
        found = error.problems
    else:
        return
    assert found
    assert all(line.isprintable() for line in found)


def test_the_file_named_is_taken_else_the_environment_else_etc_else_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named", "environ", "etc"):
        (tmp_path / name).write_text(f"site.name = '{name}'")
    environ = {**HOME, "EDGED_CONFIG": str(tmp_path / "environ")}
    monkeypatch.setattr(load, "DEFAULT_PATH", tmp_path / "etc")

    assert load_config(tmp_path / "named", environ=environ).site.name == "named"
    assert load_config(environ=environ).site.name == "environ"
    assert load_config(environ=HOME).site.name == "etc"
    (tmp_path / "etc").unlink()
    assert load_config(environ=HOME).site.name == ""


@pytest.mark.parametrize("how", ["absent", "folder", "latin-1", "huge", "pipe", "dangling", "nul"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "edged.toml"
    told = {
        "absent": "there is no such file",
        "folder": "cannot be read",
        "latin-1": ":2: not UTF-8 (byte 0xe9)",
        "huge": "larger than 1 MiB",
        "pipe": "cannot be read (not a file)",
        "dangling": "there is no such file",
        "nul": "cannot be read",
    }[how]
    match how:
        case "folder":
            path.mkdir()
        case "latin-1":
            path.write_bytes(b"\nsite.name = 'caf\xe9'")
        case "huge":
            path.write_bytes(b"#" * (1 << 20) + b"#")
        case "pipe":
            os.mkfifo(path)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "nul":
            path = tmp_path / "a\0b"

    with pytest.raises(ConfigError) as caught:
        load_config(path, environ=HOME)

    (line,) = caught.value.problems
    assert line.startswith(str(path))
    assert told in line
    assert "--config" not in line


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "edged.toml"
    path.write_bytes(b"\xef\xbb\xbf[site]\r\nname = 'shop'\r\n")

    assert load_config(path, environ=HOME).site.name == "shop"


def test_dev_null_is_an_empty_file() -> None:
    assert load_config(Path(os.devnull), environ=HOME).site.name == ""

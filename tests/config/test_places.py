"""Folders come from the settings, else from systemd, else from where they belong for this user."""

import pytest

from edged.config import PathSettings
from edged.config.places import resolve


@pytest.mark.parametrize(
    ("environ", "uid", "data", "recordings", "runtime"),
    [
        (
            {"STATE_DIRECTORY": "/var/lib/edged:/var/lib/other", "RUNTIME_DIRECTORY": "/run/edged"},
            999,
            "/var/lib/edged",
            "/var/lib/edged/recordings",
            "/run/edged",
        ),
        ({"HOME": "/root"}, 0, "/var/lib/edged", "/var/lib/edged/recordings", "/run/edged"),
        (
            {"HOME": "/home/a", "XDG_STATE_HOME": "/home/a/state", "XDG_RUNTIME_DIR": "/run/user/1000/"},
            1000,
            "/home/a/state/edged",
            "/home/a/state/edged/recordings",
            "/run/user/1000/edged",
        ),
        (
            {"HOME": "/home/a", "XDG_STATE_HOME": "relative", "STATE_DIRECTORY": "relative"},
            1000,
            "/home/a/.local/state/edged",
            "/home/a/.local/state/edged/recordings",
            "/home/a/.local/state/edged/run",
        ),
        (
            {"STATE_DIRECTORY": "/bad\udcff", "HOME": "/home/a"},
            1000,
            "/home/a/.local/state/edged",
            "/home/a/.local/state/edged/recordings",
            "/home/a/.local/state/edged/run",
        ),
    ],
)
def test_folders_are_found(
    environ: dict[str, str], uid: int, data: str, recordings: str, runtime: str
) -> None:
    expected = PathSettings(data=data, recordings=recordings, runtime=runtime)

    assert resolve(PathSettings(), environ, uid=uid) == expected


def test_what_is_set_is_taken() -> None:
    paths = PathSettings(data="/a", recordings="/b", runtime="/c")

    assert resolve(paths, {"STATE_DIRECTORY": "/x", "RUNTIME_DIRECTORY": "/y"}, uid=0) == paths

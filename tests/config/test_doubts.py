"""A program that was named must be there; what else may not work on this machine is told, no more."""

from pathlib import Path

import pytest

from edged.config import examine, load_config
from edged.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edged.toml"


def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": str(tmp_path)}


def test_a_missing_video_is_told_with_its_line_and_keeps_nothing_from_starting(
    tmp_path: Path, file: Path
) -> None:
    file.write_text(f"[cameras.a]\nsource = 'file:{tmp_path}/v'")

    (doubt,) = examine(file, environ=home(tmp_path))[1]

    assert doubt.startswith(f"{file}:2: cameras.a.source = ")
    assert "cannot be read now" in doubt


@pytest.mark.parametrize("how", ["absent", "not executable", "folder"])
def test_a_named_program_that_cannot_be_run_is_a_mistake_told_with_the_others(
    tmp_path: Path, file: Path, how: str
) -> None:
    program = tmp_path / "m"
    match how:
        case "not executable":
            program.touch(0o644)
        case "folder":
            program.mkdir()
    file.write_text(f"site.name = 3\n[media]\nmediamtx = '{program}'")

    with pytest.raises(ConfigError) as caught:
        load_config(file, environ=home(tmp_path))

    first, second = caught.value.problems
    assert first.startswith(f"{file}:1: site.name")
    assert second.startswith(f"{file}:3: media.mediamtx = ")
    assert "there is no such program" in second
    file.write_text(f"media.engine = 'embedded'\nmedia.mediamtx = '{program}'")
    assert load_config(file, environ=home(tmp_path)).media.mediamtx == str(program)


def test_mediamtx_that_is_wanted_but_not_found_is_doubted(tmp_path: Path, file: Path) -> None:
    file.write_text("[media]\nengine = 'mediamtx'")

    (doubt,) = examine(file, environ=home(tmp_path))[1]

    assert doubt.startswith(f'{file}:2: media.engine = "mediamtx": "mediamtx" is not found')
    (tmp_path / "mediamtx").touch(0o755)
    assert examine(file, environ=home(tmp_path))[1] == ()


def test_what_is_there_raises_no_doubt(tmp_path: Path, file: Path) -> None:
    (tmp_path / "v.mp4").touch()
    (tmp_path / "m").touch(0o755)
    file.write_text(
        f"media.mediamtx = '{tmp_path}/m'\ncameras.a.source = 'file:{tmp_path}/v.mp4'\n"
        "cameras.b.source = 'synthetic'"
    )

    assert examine(file, environ=home(tmp_path))[1] == ()


@pytest.mark.parametrize(
    ("settings", "line", "words"),
    [
        ("retention.max_total_gb = 5\nretention.max_camera_gb = 9", 2, "max_camera_gb = 9: is more than all"),
        ("media.engine = 'embedded'\nmedia.life = 'unit'", 2, 'media.life = "unit": means nothing'),
        ("media.life = 'unit'\nmedia.mediamtx = '{program}'", 2, "and no other"),
    ],
)
def test_settings_of_which_one_makes_another_void_are_doubted(
    settings: str, line: int, words: str, tmp_path: Path, file: Path
) -> None:
    (program := tmp_path / "m").touch(0o755)
    file.write_text(settings.replace("{program}", str(program)))

    (doubt,) = examine(file, environ=home(tmp_path))[1]

    assert doubt.startswith(f"{file}:{line}: ")
    assert words in doubt


@pytest.mark.parametrize(
    "settings",
    [
        "retention.max_total_gb = 0\nretention.max_camera_gb = 9",
        "retention.max_total_gb = 9\nretention.max_camera_gb = 9",
        "media.life = 'unit'",
        "media.engine = 'embedded'",
    ],
)
def test_settings_that_go_together_are_not_doubted(settings: str, tmp_path: Path, file: Path) -> None:
    file.write_text(settings)
    assert examine(file, environ=home(tmp_path))[1] == ()


@pytest.mark.parametrize(("held", "told"), [(None, "cannot be read"), ("short", "at least 16 characters")])
def test_a_token_that_nothing_can_be_served_with_is_doubted(
    tmp_path: Path, file: Path, held: str | None, told: str
) -> None:
    token = tmp_path / "token"
    if held is not None:
        token.write_text(held)
    file.write_text(f"[metrics]\ntoken_file = '{token}'")

    (doubt,) = examine(file, environ=home(tmp_path))[1]

    assert doubt.startswith(f"{file}:2: metrics.token_file = ")
    assert told in doubt
    assert "no figures are served" in doubt
    token.write_text("long-enough-a-token")
    assert examine(file, environ=home(tmp_path))[1] == ()

"""What will not work on this machine is told, but keeps nothing from starting."""

from pathlib import Path

from edged.config import doubts, parse_config


def test_a_missing_video_and_a_missing_program_are_told(tmp_path: Path) -> None:
    config = parse_config(f"media.mediamtx = '{tmp_path}/m'\ncameras.a.source = 'file:{tmp_path}/v.mp4'")

    first, second = doubts(config)

    assert first.startswith(f'cameras.a.source = "file:{tmp_path}/v.mp4": cannot be read')
    assert second.startswith(f'media.mediamtx = "{tmp_path}/m": is not a program')


def test_what_is_there_raises_no_doubt(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    (tmp_path / "m").touch(0o755)

    assert (
        doubts(parse_config(f"media.mediamtx = '{tmp_path}/m'\ncameras.a.source = 'file:{tmp_path}/v.mp4'"))
        == ()
    )
    assert doubts(parse_config("cameras.a.source = 'synthetic'")) == ()

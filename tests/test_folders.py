"""Folders are proved before anything starts; a refusal names key, path and remedy."""

from pathlib import Path

import pytest

from edged.errors import StartupError
from edged.folders import prepare_folder


def test_a_missing_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    prepare_folder(folder, key="paths.data", mode=0o700)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "under a file"])
def test_a_folder_that_cannot_be_is_refused_in_one_line_with_key_path_and_remedy(
    tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = file if kind == "file" else file / "below"
    with pytest.raises(StartupError) as refused:
        prepare_folder(folder, key="paths.recordings", mode=0o750)
    message = str(refused.value)
    assert "paths.recordings" in message
    assert str(folder) in message
    assert "\n" not in message
    assert "set paths.recordings" in message

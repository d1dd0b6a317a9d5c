"""Folders are proved before anything starts; a refusal names key, path and remedy."""

from pathlib import Path

import pytest

from edged.errors import StartupError
from edged.folders import hold_folder, prepare_folder


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


@pytest.mark.parametrize("marker", ["", "daemon.lock"])
def test_a_second_daemon_is_kept_out_and_told_so(tmp_path: Path, marker: str) -> None:
    with hold_folder(tmp_path, key="paths.data", marker=marker):
        with pytest.raises(StartupError, match=r"paths\.data.*another edged") as refused:
            with hold_folder(tmp_path, key="paths.data", marker=marker):
                pass
        assert "\n" not in str(refused.value)


def test_a_folder_is_free_again_when_its_daemon_has_gone(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_folder(tmp_path, key="paths.runtime"):
            pass


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartupError, match=r"paths\.data"):
        with hold_folder(tmp_path, key="paths.data", marker="daemon.lock"):
            pass
    assert not (tmp_path / "elsewhere").exists()

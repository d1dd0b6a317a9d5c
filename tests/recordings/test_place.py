"""Only what no disk can mend is hopeless: a disk may come later."""

import os
from pathlib import Path

import pytest
from lab.nobody import as_nobody, folder_of_nobody

from edged.recordings.place import hopeless


@pytest.mark.parametrize(
    "folder", ["/proc/nope", "/proc/1/nope/deeper", "/sys/nope", "/proc", "/proc/self/cwd/../../../proc/x"]
)
def test_the_kernels_own_places_are_hopeless(folder: str) -> None:
    assert "kernel" in hopeless(Path(folder))


def test_a_link_into_the_kernels_own_places_is_hopeless(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/sys")
    assert "kernel" in hopeless(tmp_path / "link" / "recordings")


def test_what_is_no_folder_is_hopeless_and_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert str(tmp_path / "file") in hopeless(tmp_path / "file")
    assert str(tmp_path / "pipe") in hopeless(tmp_path / "pipe")
    assert "directory" in hopeless(tmp_path / "file" / "deeper" / "recordings")
    (tmp_path / "round").symlink_to("round")
    assert hopeless(tmp_path / "round" / "recordings")
    assert hopeless(tmp_path / ("x" * 300) / "recordings")


def test_what_a_disk_may_bring_is_not_hopeless_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "later").symlink_to(tmp_path / "not-there-yet")
    for name in ("recordings", "mnt/disk/recordings", "later", "later/recordings"):
        assert hopeless(tmp_path / name) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["later"]


def test_a_mount_point_that_is_not_ours_may_get_a_disk_that_is() -> None:
    with folder_of_nobody() as folder:
        for mode in (0o555, 0o000):
            folder.chmod(mode)
            with as_nobody():
                assert hopeless(folder / "recordings") == ""
        folder.chmod(0o755)

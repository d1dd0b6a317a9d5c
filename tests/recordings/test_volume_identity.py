"""Below the root of the tree no other disk is entered, nor the same one by another way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edged.recordings import identity
from edged.recordings.identity import IDENTITY, WrongVolume, open_below, open_volume

VOLUME = "a" * 32
# Mounts in a namespace of its own, which ends with it.
UNSHARED = ("unshare", "--mount", "--map-root-user")
MOUNTED = """
import sys
from pathlib import Path
from recordings.stock_of import segment
from edged.recordings.delete import delete
from edged.recordings.walk import Tree, read_day
import subprocess
root, outside, volume, inner = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
subprocess.run(["mount", "--bind", str(outside), str(root / inner)], check=True)
view = segment("front", 1_700_000_000.0)
print(delete(root, volume, [view], 1_800_000_000.0)[0])
try:
    print(read_day(Tree(root, volume), view.camera, view.day, None, 1_800_000_000.0))
except OSError as error:
    print(error.strerror)
"""


def tree_at(root: Path) -> Path:
    root.mkdir()
    (root / IDENTITY).write_text(json.dumps({"volume": VOLUME}))
    return root


def may_mount() -> bool:
    return subprocess.run([*UNSHARED, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="nobody may mount here")
@pytest.mark.parametrize("inner", ["front", "front/2023-11-14"])
def test_what_is_bound_into_the_tree_is_not_deleted_though_it_is_on_the_same_disk(
    tmp_path: Path, inner: str
) -> None:
    root, outside = tree_at(tmp_path / "recordings"), tmp_path / "outside"
    folder = outside / "2023-11-14" if inner == "front" else outside
    folder.mkdir(parents=True)
    precious = folder / "22-13-20.000Z.mp4"
    precious.write_bytes(b"precious")
    os.utime(precious, (1_700_000_000, 1_700_000_000))
    (root / inner).mkdir(parents=True)
    told = subprocess.run(
        [*UNSHARED, sys.executable, "-c", MOUNTED, str(root), str(outside), VOLUME, inner],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.splitlines()
    assert precious.read_bytes() == b"precious"
    assert "lasting=True" in told[0]
    assert all("mounted at front/2023-11-14" in line for line in told)


def test_folders_of_the_tree_itself_are_entered(tmp_path: Path) -> None:
    root = tree_at(tmp_path / "recordings")
    (root / "front" / "2023-11-14").mkdir(parents=True)
    with open_volume(root, VOLUME) as handle, open_below(handle, "front", "2023-11-14") as folder:
        assert os.fstat(folder).st_ino == (root / "front" / "2023-11-14").stat().st_ino


def test_another_file_system_in_the_tree_is_not_entered() -> None:
    handle = os.open("/", os.O_RDONLY)
    try:
        with pytest.raises(WrongVolume, match="mounted at proc"), open_below(handle, "proc"):
            pass
    finally:
        os.close(handle)


def test_a_house_without_proc_still_knows_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "OPEN_FILES", tmp_path / "none")
    root = tree_at(tmp_path / "recordings")
    (root / "front").mkdir()
    with open_volume(root, VOLUME) as handle, open_below(handle, "front"):
        pass

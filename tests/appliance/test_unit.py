"""What edged.service does by itself, tried without systemd."""

import re
import shlex
import subprocess
from pathlib import Path

from edged.cameras.encoder_notes import FILE

UNIT = Path(__file__).parents[2] / "systemd/edged.service"


def test_no_picture_of_a_killed_daemon_stays_but_what_is_known_of_encoders_does(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").touch()
    runtime = tmp_path / "edged"
    for name in ("snapshots/front.jpg", "live/front/1.m4s", FILE):
        (runtime / name).parent.mkdir(parents=True, exist_ok=True)
        (runtime / name).touch()
    (runtime / "live/link").symlink_to(tmp_path / "elsewhere")
    (command,) = re.findall(r"^ExecStopPost=-(.+)", UNIT.read_text(), re.MULTILINE)
    for _ in range(2):  # the second time there is nothing
        subprocess.run(shlex.split(command.replace("%t", str(tmp_path))), check=True, timeout=30)
    assert [path.name for path in runtime.iterdir()] == [FILE]
    assert (tmp_path / "elsewhere/kept").exists()

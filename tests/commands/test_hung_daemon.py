"""A command that asks a hung daemon says so soon, and what to do."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from edged import control
from edged.cli import main


@pytest.mark.parametrize("words", [("cameras",), ("retention", "--dry-run")])
def test_reading_from_a_hung_daemon_ends_soon_and_names_the_remedy(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control.READ_SECONDS == 5
    monkeypatch.setattr(control, "READ_SECONDS", 0.2)
    path = tmp_path / "edged.toml"
    path.write_text(f'[paths]\ndata = "{tmp_path}/data"\nruntime = "{tmp_path}/run"\n')
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "run/control.sock"))
        silent.listen()
        done = CliRunner().invoke(main, [*words, "--config", str(path)])
    assert done.exit_code == 1, done.output
    assert "hangs" in done.output
    assert "systemctl restart edged" in done.output

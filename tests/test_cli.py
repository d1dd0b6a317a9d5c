"""The commands tell a person what is wrong in plain lines, and a script by the exit code."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from edged import __version__
from edged.cli import main, run_to_end
from edged.config import Config, load_config
from edged.demo import DemoOptions, demo_config
from edged.errors import StartupError


def edged(*arguments: object, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in arguments], env=environment)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "edged.toml"
    path.write_text(f'[paths]\ndata = "{tmp_path / "data"}"\n')
    return path


def test_version_is_told() -> None:
    assert __version__ in edged("--version").output


def test_manual_names_every_command() -> None:
    # In a line of bold and roman words, which follows .TP and nothing else does.
    manual = (Path(__file__).parents[1] / "debian/edged.1").read_text().replace("\\-", "-")
    entries = [
        set(re.findall(r"[a-z-]+", entry)) for entry in re.findall(r"^\.TP\n\.BR? (.*)", manual, re.MULTILINE)
    ]
    for name, command in main.commands.items():
        below = set(command.commands) if isinstance(command, click.Group) else set()
        assert any({name} | below <= entry for entry in entries), f"{name} {below}"


def test_right_settings_are_said_to_be_right(settings: Path) -> None:
    result = edged("check", settings)
    assert (result.exit_code, result.output) == (0, "Settings are right.\n")


def test_every_wrong_setting_is_told_with_its_line_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "edged.toml"
    path.write_text('[web]\nlisten = ["nowhere"]\nsesion_days = 3\n\n[capture]\nfps = "many"\n')
    result = edged("check", path)
    lines = result.output.splitlines()
    assert result.exit_code == 2
    assert [line.split(": ")[1].rsplit(":", 1)[1] for line in lines] == ["2", "3", "6"]
    assert all(line.startswith("edged: ") for line in lines)
    assert "session_days" in lines[1]


def test_a_program_that_is_not_there_is_told_with_its_line_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "edged.toml"
    path.write_text('[media]\nmediamtx = "/nope"\n')
    result = edged("check", path)
    assert result.exit_code == 2
    assert result.output.startswith(f'edged: {path}:2: media.mediamtx = "/nope": there is no such program')


def test_a_video_that_is_not_there_is_told_with_its_line_and_the_settings_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "edged.toml"
    path.write_text('[cameras.a]\nsource = "file:/nope"\n')
    result = edged("check", path)
    assert result.exit_code == 0
    assert f"edged: {path}:2: cameras.a.source" in result.output
    assert result.output.endswith("\nSettings can be used; see the warnings above.\n")


def test_dumped_settings_load_back_as_they_were(settings: Path, tmp_path: Path) -> None:
    dumped = tmp_path / "dumped.toml"
    dumped.write_text(edged("check", settings, "--dump").output)
    assert load_config(dumped) == load_config(settings)


def test_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = edged("run", "--config", tmp_path / "absent.toml")
    assert result.exit_code == 2
    assert "absent.toml" in result.output
    assert "Traceback" not in result.output


def test_setup_code_is_printed_and_stays_the_same(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first, second = (edged("setup-code", "--config", settings) for _ in range(2))
    assert first.exit_code == 0
    assert first.output == second.output
    assert len(first.output.strip().replace("-", "")) >= 12


def test_errors_out_of_nested_nurseries_are_told_once_and_leave_with_their_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def action() -> None:
        error = StartupError("port 80 is taken")
        raise BaseExceptionGroup("", [ExceptionGroup("", [error]), StartupError("port 80 is taken")])

    with pytest.raises(SystemExit) as left:
        run_to_end(action)
    assert left.value.code == 2
    assert capsys.readouterr().err == "edged: port 80 is taken\n"


def test_a_fault_of_ours_is_not_hidden() -> None:
    def action() -> None:
        raise ExceptionGroup("", [OSError("disk"), ZeroDivisionError()])

    with pytest.raises(ExceptionGroup):
        run_to_end(action)


@pytest.mark.parametrize("stdout", ["/dev/full", "a pipe that nobody reads"])
def test_nobody_listening_is_no_traceback(stdout: str, settings: Path) -> None:
    command = [sys.executable, "-m", "edged.cli", "check", str(settings), "--dump"]
    if stdout == "/dev/full":
        with Path(stdout).open("wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    else:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    # Who stopped reading (`| head`) needs no words; a full disk does.
    assert (done.stderr == b"") == (stdout != "/dev/full")


class TestDemo:
    """What the demo's settings are made of."""

    @pytest.fixture
    def taken(self) -> Iterator[int]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            yield taken.getsockname()[1]

    def settings(self, tmp_path: Path, **options: object) -> Config:
        return demo_config(DemoOptions(**options), tmp_path)  # type: ignore[arg-type]

    def test_a_named_port_is_used_as_named(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        assert self.settings(tmp_path, listen=f"127.0.0.1:{port}").web.listen == (f"127.0.0.1:{port}",)

    def test_without_a_port_a_free_one_is_found(self, tmp_path: Path) -> None:
        host, port = self.settings(tmp_path, listen="127.0.0.1").web.listen[0].rsplit(":", 1)
        assert host == "127.0.0.1"
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind((host, int(port)))

    def test_an_address_of_another_machine_is_refused_by_name(self, tmp_path: Path) -> None:
        with pytest.raises(StartupError, match=r"--listen 198\.51\.100\.1"):
            self.settings(tmp_path, listen="198.51.100.1")

    @pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:http", "127.0.0.1:70000", "", "[::1", ":"])
    def test_what_is_no_address_is_refused_by_name(self, tmp_path: Path, listen: str) -> None:
        with pytest.raises(StartupError, match=r"--listen .*must be an address"):
            self.settings(tmp_path, listen=listen)

    def test_a_taken_port_is_refused_by_name(self, tmp_path: Path, taken: int) -> None:
        with pytest.raises(StartupError, match=rf"--listen 127\.0\.0\.1:{taken}: .*in use"):
            self.settings(tmp_path, listen=f"127.0.0.1:{taken}")

    @pytest.mark.parametrize("listen", ["::1", "[::1]"])
    def test_addresses_of_ip_6_are_taken_bare_or_in_brackets(self, tmp_path: Path, listen: str) -> None:
        assert self.settings(tmp_path, listen=listen).web.listen[0].startswith("[::1]:")

    def test_everything_lives_in_the_one_folder(self, tmp_path: Path) -> None:
        paths = self.settings(tmp_path).paths
        assert all(Path(p).parent == tmp_path for p in (paths.data, paths.recordings, paths.runtime))

    def test_as_many_test_pictures_as_asked(self, tmp_path: Path) -> None:
        assert list(self.settings(tmp_path, synthetic=3).cameras) == ["demo", "demo-2", "demo-3"]

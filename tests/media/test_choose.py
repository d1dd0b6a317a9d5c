"""The program is found where it was named, and one we do not know is refused with its remedy."""

from pathlib import Path

import pytest
import trio

from edged.errors import StartupError
from edged.media.choose import check_version, find_mediamtx


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_settings_come_before_the_variable_and_the_variable_before_path(tmp_path: Path) -> None:
    for place in ("set", "variable", "bin"):
        program(tmp_path / place / "mediamtx", "echo v1.20.1")
    on_path = {"PATH": str(tmp_path / "bin")}
    both = {**on_path, "EDGED_MEDIAMTX": str(tmp_path / "variable/mediamtx")}
    assert find_mediamtx(str(tmp_path / "set/mediamtx"), environ=both) == tmp_path / "set/mediamtx"
    assert find_mediamtx("", environ=both) == tmp_path / "variable/mediamtx"
    assert find_mediamtx("", environ=on_path) == tmp_path / "bin/mediamtx"
    assert find_mediamtx("", environ={"PATH": str(tmp_path / "set/nothing")}) is None


def test_a_program_that_was_named_and_is_not_there_is_an_error_that_names_the_key(tmp_path: Path) -> None:
    plain_file = tmp_path / "mediamtx"
    plain_file.touch(0o644)
    with pytest.raises(StartupError, match=r"^media\.mediamtx = .*leave media\.mediamtx empty"):
        find_mediamtx(str(plain_file), environ={"PATH": ""})
    with pytest.raises(StartupError, match=r"^EDGED_MEDIAMTX = "):
        find_mediamtx("", environ={"PATH": "", "EDGED_MEDIAMTX": str(tmp_path / "nothing")})


async def test_a_version_of_1_20_is_taken(tmp_path: Path) -> None:
    assert await check_version(program(tmp_path / "mediamtx", "echo v1.20.7")) == "v1.20.7"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo v2.0.0", "v2.0.0"),
        ("echo v0.23.8", "v0.23.8"),
        ("echo v1.2.0", "v1.2.0"),
        ("echo v1.200.1", "v1.200.1"),
        ("echo hello", "hello"),
        ("exit 3", "does not tell"),
        ("head -c 100000 /dev/zero", "does not tell"),
        ("printf '\\033[31m\\377\\n'", "does not tell"),
    ],
)
async def test_another_version_is_refused_in_one_line_with_its_remedy(
    tmp_path: Path, script: str, told: str
) -> None:
    path = program(tmp_path / "mediamtx", script)
    with pytest.raises(StartupError) as refused:
        await check_version(path)
    message = str(refused.value)
    assert str(path) in message
    assert told in message
    assert "media.mediamtx" in message
    assert 'media.engine = "embedded"' in message
    assert message.isprintable()


async def test_a_program_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    path = program(tmp_path / "mediamtx", "exec sleep 60")
    with trio.fail_after(5), pytest.raises(StartupError, match="does not end within"):
        await check_version(path, seconds=0.2)


async def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mediamtx"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    with pytest.raises(StartupError, match="cannot be run"):
        await check_version(path)

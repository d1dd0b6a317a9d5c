"""The engine is the one that was asked for, or the best there is, said loudly."""

import logging
from pathlib import Path

import pytest

from edged.config import MediaSettings
from edged.errors import StartupError
from edged.media.door import Door
from edged.media.embedded import EmbeddedEngine
from edged.media.engine import MediaEngine
from edged.media.mediamtx import MediaMtxEngine
from edged.media.select import select_engine


@pytest.fixture(autouse=True)
def _nothing_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGED_MEDIAMTX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def install(tmp_path: Path, version: str) -> Path:
    program = tmp_path / "bin" / "mediamtx"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


async def select(tmp_path: Path, settings: MediaSettings) -> MediaEngine:
    return await select_engine(settings, runtime=tmp_path, door=Door(), auth_url="http://127.0.0.1:1/x")


async def test_auto_takes_mediamtx_when_there_is_one(tmp_path: Path) -> None:
    install(tmp_path, "v1.20.1")
    assert isinstance(await select(tmp_path, MediaSettings()), MediaMtxEngine)


async def test_auto_without_mediamtx_says_in_one_line_what_is_missing_and_how_to_get_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert isinstance(await select(tmp_path, MediaSettings()), EmbeddedEngine)
    (line,) = caplog.messages
    assert "WebRTC" in line
    assert "https://github.com/bluenviron/mediamtx/releases" in line
    assert "\n" not in line


async def test_embedded_is_taken_when_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    install(tmp_path, "v2.0.0")
    assert isinstance(await select(tmp_path, MediaSettings(engine="embedded")), EmbeddedEngine)
    assert caplog.messages == []


async def test_mediamtx_asked_for_and_missing_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"media\.engine = .*https://github"):
        await select(tmp_path, MediaSettings(engine="mediamtx"))


@pytest.mark.parametrize("engine", ["auto", "mediamtx"])
async def test_another_version_is_an_error_not_a_silent_step_back(tmp_path: Path, engine: str) -> None:
    install(tmp_path, "v2.0.0")
    with pytest.raises(StartupError, match=r"v2\.0\.0"):
        await select(tmp_path, MediaSettings(engine=engine))  # type: ignore[arg-type]

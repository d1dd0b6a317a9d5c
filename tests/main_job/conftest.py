"""What the system tests share: pictures for the mock camera, and both engines."""

import pytest
from lab.cameras import MockMode
from lab.frames import make_frames

BOTH_ENGINES = [pytest.param("mediamtx", marks=pytest.mark.mediamtx), "embedded"]


@pytest.fixture(params=BOTH_ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each media engine in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def mjpeg(tmp_path_factory: pytest.TempPathFactory) -> MockMode:
    """720p30 MJPEG, as most webcams send it."""
    return MockMode(frames=str(make_frames(tmp_path_factory.mktemp("frames") / "mjpeg")))

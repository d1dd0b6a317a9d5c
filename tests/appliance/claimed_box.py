"""A box in a container with the package, an owner and a camera; what its footage and its journal say."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from appliance.box import Box, bare_box
from lab.cameras import MockCamera, MockCameras, MockMode
from lab.footage import read_footage, segments

SLUG = "hd-pro-webcam-c920"
# Of the container's own: nobody sets its clock, it may have no MediaMTX, and a box begins without an owner.
NOT_OURS = re.compile(r"clock is not trusted|MediaMTX not found|belongs to nobody")


@contextmanager
def box_with(
    deb: Path, tree: Path, folder: Path, mode: MockMode, engine: Path | None, *, plugged: bool = True
) -> Iterator[tuple[Box, MockCameras]]:
    """A box with this package, claimed; the camera is live when it is plugged."""
    camera = MockCamera(modes=(mode,), plugged=plugged)
    with bare_box(tree, folder, deb.parent, camera, mediamtx=engine) as (box, cameras):
        box.install(deb)
        box.wait_active()
        box.claim()
        if plugged:
            box.wait_live(SLUG, seconds=15)
        yield box, cameras


def troubles(box: Box) -> list[str]:
    """Lines of the journal about us that are warnings or worse, but for those that the container causes."""
    return [line for line in box.troubles() if not NOT_OURS.search(line)]


def whole_segments(box: Box) -> int:
    """How many closed segments there are; each plays to its last frame and knows how long it is."""
    files = segments(box.recordings / SLUG)
    for path in files:
        footage = read_footage(path)
        assert footage.duration == pytest.approx(footage.times[-1] + footage.frame, abs=0.05), path
    return len(files)

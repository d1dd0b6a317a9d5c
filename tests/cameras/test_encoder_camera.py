"""A camera, its worker and its encoder: begun anew for a better one, and who is to blame when it fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from camera_fakes import MJPEG, FakeChild, FakeSpawner, healthy, job_of, status

from edged.cameras.camera import Camera
from edged.cameras.encoder_choice import Choice, Size
from edged.cameras.jobs import Feed, JobMaker
from edged.cameras.watch import Watch, WorkerLimits
from edged.capture.job import FileSource, HlsOutput, V4l2Source
from edged.capture.report import Status
from edged.config import CameraSettings, Config

HARDWARE = "h264_v4l2m2m"
HD = (1280, 720)
SOFTWARE_FIRST = Choice("libx264", "software, until the encoders in hardware are proved")
PROVED = Choice(HARDWARE, "proved", HD)


class FakeEncoders:
    """Chooses what the test says; keeps who was blamed."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.sizes: list[Size | None] = []
        self.blamed: list[tuple[str, str]] = []

    def choose(self, _wanted: str, size: Size | None) -> Choice:
        self.sizes.append(size)
        return self.choice

    def blame(self, name: str, _camera: str, reason: str) -> None:
        self.blamed.append((name, reason))
        if len(self.blamed) >= 2:
            self.choice = Choice("libx264", "left")


class Engine:
    """A media engine as far as a camera needs one."""

    def outputs(self, slug: str) -> tuple[HlsOutput, ...]:
        return (HlsOutput(folder=f"/live/{slug}"),)


FEED = Feed(source=V4l2Source(node="/dev/video0", modes=(MJPEG,)), token="1")


@asynccontextmanager
async def served(
    folder: Path, encoders: FakeEncoders, on_start: Any = None, *, feed: Feed = FEED
) -> AsyncIterator[tuple[Camera, FakeSpawner]]:
    async with trio.open_nursery() as nursery:
        spawner = FakeSpawner(nursery, on_start)
        camera = Camera(
            slug="cam",
            name="Cam",
            settings=CameraSettings(),
            jobs=JobMaker(config=Config(), recordings=folder, runtime=folder),
            engine=Engine(),  # type: ignore[arg-type]
            spawn=spawner,
            limits=WorkerLimits(),
            microphone=None,  # type: ignore[arg-type]
            encoders=encoders,
            clock=trio.current_time,
            on_message=lambda _slug, _message: None,
            on_change=lambda _: None,
        )
        camera.set_feed(feed)
        nursery.start_soon(camera.run)
        yield camera, spawner
        nursery.cancel_scope.cancel()


async def job(child: FakeChild) -> Any:
    return job_of((await child.got())[0])


def by(encoder: str, frames: int = 30, **fields: Any) -> Status:
    size = {"width": HD[0], "height": HD[1]}
    return status(frames, encoder=encoder, encoder_reason="of the worker", **(size | fields))


async def test_job_names_the_encoder_its_reason_and_the_size_it_is_proved_for(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(PROVED)
    async with served(tmp_path, encoders) as (_camera, spawner):
        await trio.sleep(0.1)
        told = await job(spawner.last)
        assert (told["encoder"], told["encoder_reason"]) == (HARDWARE, "proved")
        assert told["encoder_size"] == [1280, 720]
        assert encoders.sizes == [Size(1280, 720, 30.0)]


async def test_camera_begins_anew_with_the_proved_encoder_but_only_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(SOFTWARE_FIRST)
    async with served(tmp_path, encoders, healthy) as (camera, spawner):
        await trio.sleep(3)
        camera.reconsider_encoder()
        await trio.sleep(3)
        assert len(spawner.children) == 1
        encoders.choice = PROVED
        camera.reconsider_encoder()
        await trio.sleep(3)
        assert len(spawner.children) == 2
        assert spawner.children[0].signals == []
        assert camera.view.restarts == 0
        # And should it be on software again, it stays there.
        encoders.choice = SOFTWARE_FIRST
        camera.renew_worker()
        await trio.sleep(3)
        encoders.choice = PROVED
        camera.reconsider_encoder()
        await trio.sleep(3)
        assert len(spawner.children) == 3


async def test_reason_follows_the_proofs_though_the_worker_stays(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(SOFTWARE_FIRST)
    async with served(tmp_path, encoders) as (camera, spawner):
        await trio.sleep(0.1)
        await spawner.last.says(by("libx264"))
        assert camera.view.encoder_reason == SOFTWARE_FIRST.reason
        encoders.choice = Choice("libx264", "software: none is proved")
        camera.reconsider_encoder()
        await spawner.last.says(by("libx264", 60))
        assert camera.view.encoder_reason == "software: none is proved"


async def test_size_that_only_the_worker_can_tell_is_proved_then_and_used(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(SOFTWARE_FIRST)
    feed = Feed(source=FileSource(path="/a.mp4"), token="file")
    async with served(tmp_path, encoders, feed=feed) as (_camera, spawner):
        await trio.sleep(0.1)
        assert encoders.sizes == [None]
        await spawner.last.says(by("libx264", width=640, height=360))
        assert encoders.sizes[-1] == Size(640, 360, 30.0)


@pytest.mark.parametrize("code", [6, -11])
async def test_encoder_that_ends_its_worker_is_blamed_and_after_two_faults_software_is_back_at_once(
    code: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(PROVED)
    async with served(tmp_path, encoders) as (_camera, spawner):
        start = trio.current_time()
        for count in (1, 2):
            await trio.sleep(1)
            await spawner.last.says(by(HARDWARE))
            spawner.last.exits(code)
            await trio.sleep(1)
            assert len(encoders.blamed) == count
        assert [name for name, _reason in encoders.blamed] == [HARDWARE, HARDWARE]
        assert (await job(spawner.last))["encoder"] == "libx264"
        assert trio.current_time() - start < 5


async def test_encoder_that_cannot_be_opened_is_blamed_once_and_the_picture_goes_on(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(PROVED)
    async with served(tmp_path, encoders) as (camera, spawner):
        await trio.sleep(0.1)
        for frames in (30, 60, 90):
            await spawner.last.says(by("libx264", frames))
        assert encoders.blamed == [(HARDWARE, "of the worker")]
        assert camera.view.encoder_reason == "of the worker"
        assert len(spawner.children) == 1


async def test_software_and_a_camera_that_freezes_are_nobodys_fault(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    encoders = FakeEncoders(PROVED)
    async with served(tmp_path, encoders) as (camera, spawner):
        await trio.sleep(0.1)
        await spawner.last.says(by(HARDWARE))
        await trio.sleep(8)
        assert camera.view.stalls == 1
        assert not encoders.blamed


def judged(*messages: Status, stalled: str = "no new picture for 5 s") -> Any:
    watch = Watch(WorkerLimits(), 0.0)
    for second, message in enumerate(messages):
        watch.hear(message, float(second))
    return watch.judge(None, stalled=stalled)


def test_stall_is_the_encoders_when_pictures_go_in_and_none_comes_out() -> None:
    alive = by(HARDWARE, 30, frames_in=30)
    in_vain = by(HARDWARE, 30, frames_in=60)
    assert judged(alive, in_vain).encoder == HARDWARE
    assert HARDWARE in judged(alive, in_vain).reason
    assert judged(alive, alive).encoder == ""
    assert judged(by("libx264", 30), by("libx264", 30, frames_in=60)).encoder == ""
    assert judged(by("copy", 30), by("copy", 30, frames_in=60)).encoder == ""


def test_encoder_that_gives_no_first_picture_gets_the_time_of_a_stall_from_the_first_that_went_in() -> None:
    watch = Watch(WorkerLimits(), 0.0)
    watch.hear(status(0, "starting", frames_in=0), 1.0)
    assert watch.patience()[0] == 11.0
    watch.hear(by(HARDWARE, 0, frames_in=3), 2.0)
    assert watch.patience()[0] == 7.0

"""All cameras together: what is plugged, pulled, broken or hung, and that the others do not notice."""

import errno
import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from camera_fakes import (
    MJPEG,
    FakeChild,
    FakeSpawner,
    capabilities,
    closed,
    healthy,
    job_of,
    node,
    opened,
    status,
)

from edged.cameras.device import Capabilities, DeviceEvent, Enumerated, Found, Lost, VideoNode
from edged.cameras.manager import CameraManager
from edged.cameras.state import CameraView
from edged.capture.job import HlsOutput
from edged.capture.report import Message, OutputStatus
from edged.config import CameraSettings, Config, RecordingSettings
from edged.errors import CameraError, MediaError, StoreError

MockClock = trio.testing.MockClock


class Plugs:
    """A discovery whose devices are plugged by the test."""

    def __init__(self, *there: VideoNode) -> None:
        self._there = there
        self._send, self._receive = trio.open_memory_channel[DeviceEvent | Exception](100)

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        for one in self._there:
            yield Found(one)
        yield Enumerated()
        async for event in self._receive:
            if isinstance(event, Exception):
                raise event
            yield event

    async def plug(self, one: VideoNode) -> None:
        await self.tell(Found(one))

    async def pull(self, one: VideoNode) -> None:
        await self.tell(Lost(one.sys_path))

    async def tell(self, event: DeviceEvent | Exception) -> None:
        await self._send.send(event)
        await trio.testing.wait_all_tasks_blocked()


class Memory:
    """An empty database that keeps nothing, or is sick."""

    sick = False

    async def read(self, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        if self.sick:
            raise StoreError("malformed")
        return []

    async def transact(self, change: Any) -> Any:
        if self.sick:
            raise StoreError("malformed")


class Engine:
    """An engine that takes everything."""

    def outputs(self, camera: str) -> tuple[HlsOutput, ...]:
        if camera == "unlucky":
            raise MediaError("the media engine is not there")
        return (HlsOutput(folder=f"/run/{camera}"),)


Answer = Callable[[str], Capabilities]


class House:
    """A manager with everything around it."""

    def __init__(
        self,
        nursery: trio.Nursery,
        folder: Path,
        *there: VideoNode,
        config: Config,
        answer: Answer,
        store: Any,
    ) -> None:
        self.plugs = Plugs(*there)
        self.spawner = FakeSpawner(nursery, healthy)
        self.heard: list[tuple[str, Message]] = []
        self.scope = trio.CancelScope()
        self.over = trio.Event()
        self.answer = answer
        self.microphones: dict[str, str] = {}

        async def query(path: str, *, limiter: trio.CapacityLimiter) -> Capabilities:
            await trio.lowlevel.checkpoint()
            return self.answer(path)

        async def find_microphone(usb_path: str) -> str | None:
            await trio.lowlevel.checkpoint()
            return self.microphones.get(usb_path)

        self.manager = CameraManager(
            config=config,
            engine=Engine(),  # type: ignore[arg-type]
            store=store,
            recordings=folder / "recordings",
            runtime=folder / "run",
            on_message=lambda camera, message: self.heard.append((camera, message)),
            spawn=self.spawner,
            discovery=self.plugs,
            query=query,
            microphone=find_microphone,
            clock=lambda: NOW + trio.current_time(),
        )

    async def run(self, *, task_status: "trio.TaskStatus[None]") -> None:
        with self.scope:
            await self.manager.run(task_status=task_status)
        self.over.set()

    def see(self, slug: str) -> CameraView:
        view = self.manager.camera(slug)
        assert view is not None, f"no {slug} in {[one.slug for one in self.manager.cameras()]}"
        return view

    def states(self) -> dict[str, str]:
        return {view.slug: view.state for view in self.manager.cameras()}


@asynccontextmanager
async def running(
    folder: Path,
    *there: VideoNode,
    config: Config | None = None,
    answer: Answer = lambda _node: capabilities(MJPEG),
    store: Any = None,
) -> AsyncIterator[House]:
    async with trio.open_nursery() as nursery:
        house = House(
            nursery, folder, *there, config=config or Config(), answer=answer, store=store or Memory()
        )
        await nursery.start(house.run)
        await trio.testing.wait_all_tasks_blocked()
        yield house
        nursery.cancel_scope.cancel()


NOW = 1e9
CAM = "hd-pro-webcam-c920"


async def test_camera_that_is_there_at_the_start_is_served(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path, node()) as house:
        assert house.states() == {CAM: "live"}
        assert house.see(CAM).worker_pid == house.spawner.last.pid


async def test_job_holds_what_the_worker_must_know(autojump_clock: MockClock, tmp_path: Path) -> None:
    config = Config(cameras={CAM: CameraSettings(bitrate_kbit=1500, record=False)})
    async with running(tmp_path, config=config) as house:
        house.spawner.on_start = None
        house.microphones = {"/sys/devices/usb1/1-1": "plughw:2,0"}
        await house.plugs.plug(node())
        job = job_of((await house.spawner.last.got())[0])
    assert job["camera"] == CAM
    assert job["source"]["node"] == "/dev/video0"
    assert job["audio_device"] == "plughw:2,0"
    assert [mode["width"] for mode in job["source"]["modes"]] == [1280]
    assert job["bitrate_kbit"] == 1500
    assert job["outputs"] == [{"kind": "hls", "folder": f"/run/{CAM}"}]
    assert job["recording"]["folder"] == str(tmp_path / "recordings" / CAM)
    assert job["recording"]["on"] is False
    assert job["snapshot_path"] == str(tmp_path / f"run/snapshots/{CAM}.jpg")
    assert (tmp_path / "run/snapshots").is_dir()


async def test_pulled_camera_is_unplugged_at_once_and_comes_back_as_the_same(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, node()) as house:
        first = house.spawner.last
        await house.plugs.pull(node())
        assert house.states() == {CAM: "unplugged"}
        await trio.sleep(0.5)
        assert first.ended
        await house.plugs.plug(node("2", number=2, address="1:6"))
        await trio.sleep(0.1)
        assert house.states() == {CAM: "live"}
        assert house.spawner.last is not first


async def test_last_words_of_a_pulled_camera_do_not_make_it_live(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        house.spawner.on_start = None
        await house.plugs.plug(node())
        child = house.spawner.last
        await child.says(status(1), opened())
        await house.plugs.pull(node())
        await child.says(status(5), closed())
        child.exits(3)
        await trio.sleep(0.1)
        assert house.states() == {CAM: "unplugged"}
        assert [message for _, message in house.heard][-1] == closed()
        assert house.see(CAM).restarts == 0


async def test_worker_that_feels_the_pull_first_says_unplugged(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, node()) as house:
        house.spawner.last.exits(3)
        await trio.testing.wait_all_tasks_blocked()
        assert house.states() == {CAM: "unplugged"}
        await house.plugs.pull(node())
        await trio.sleep(5)
        assert len(house.spawner.children) == 1


async def test_camera_that_only_seemed_to_be_gone_is_tried_again(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, node()) as house:
        house.spawner.last.exits(3)
        await trio.sleep(1.5)
        assert house.states() == {CAM: "live"}


async def test_metadata_and_other_nodes_never_become_cameras(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    metadata = node(number=1, index=1)
    codec = replace(node("9", number=11), usb=None)

    def answer(path: str) -> Capabilities:
        return capabilities(MJPEG, captures=path == "/dev/video0")

    async with running(tmp_path, node(), metadata, codec, answer=answer) as house:
        assert house.states() == {CAM: "live"}
        await house.plugs.pull(metadata)
        assert len(house.spawner.children) == 1
        assert house.states() == {CAM: "live"}


async def test_twins_are_two_cameras_and_one_of_them_may_go(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    left, right = node("1", serial=""), node("2", serial="", number=2, address="1:6")
    async with running(tmp_path, left, right) as house:
        assert house.states() == {CAM: "live", f"{CAM}-2": "live"}
        assert [view.name for view in house.manager.cameras()] == [
            "HD Pro Webcam C920",
            "HD Pro Webcam C920 2",
        ]
        other = house.see(f"{CAM}-2").worker_pid
        await house.plugs.pull(left)
        await trio.sleep(1)
        assert house.states() == {CAM: "unplugged", f"{CAM}-2": "live"}
        assert house.see(f"{CAM}-2").worker_pid == other


async def test_device_that_copies_a_serial_disturbs_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path, node()) as house:
        worker = house.see(CAM).worker_pid
        copy = node("0", number=4, address="1:9")
        await house.plugs.plug(copy)
        await trio.sleep(0.1)
        assert house.states() == {CAM: "live", f"{CAM}-2": "live"}
        assert house.see(CAM).worker_pid == worker
        # From now on both are known by their ports, whoever is there alone.
        await house.plugs.pull(copy)
        await house.plugs.pull(node())
        await house.plugs.plug(copy)
        await trio.sleep(1)
        assert house.states() == {CAM: "unplugged", f"{CAM}-2": "live"}


async def test_two_devices_with_one_serial_are_told_apart_whoever_answers_first(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    refusals = [PermissionError(errno.EACCES, "Permission denied") for _ in range(2)]

    def answer(path: str) -> Capabilities:
        if path == "/dev/video0" and refusals:
            raise refusals.pop()
        return capabilities(MJPEG)

    async with running(tmp_path, node("1"), node("2", number=2, address="1:6"), answer=answer) as house:
        assert house.states() == {CAM: "live", f"{CAM}-2": "live"}
        await house.plugs.pull(node("1"))
        assert house.states() == {CAM: "unplugged", f"{CAM}-2": "live"}


async def test_replugging_that_udev_did_not_tell_is_noticed(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, node()) as house:
        first = house.spawner.last
        await house.plugs.plug(node(address="1:77"))
        await trio.sleep(1)
        assert first.ended
        assert len(house.spawner.children) == 2
        assert house.states() == {CAM: "live"}


async def test_same_device_told_twice_is_left_alone(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path, node()) as house:
        await house.plugs.plug(node())
        assert len(house.spawner.children) == 1


async def test_worker_that_dies_is_replaced_after_ever_longer_waits(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def die(child: FakeChild) -> None:
        await trio.sleep(0.1)
        child.exits(-11)

    async with running(tmp_path) as house:
        house.spawner.on_start = die
        await house.plugs.plug(node())
        await trio.sleep(70)
        times = house.spawner.times
        waits = [round(after - before - 0.1, 1) for before, after in itertools.pairwise(times)]
        assert waits == [0.5, 1, 2, 4, 8, 16, 30]
        view = house.see(CAM)
        assert (view.state, view.restarts) == ("failed", len(times))
        assert "signal 11" in view.reason
        house.spawner.on_start = healthy
        await trio.sleep(35)
        assert house.states() == {CAM: "live"}
        assert house.see(CAM).reason == ""


async def test_worker_killed_twice_is_no_failed_camera_while_it_comes_back(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        await house.plugs.plug(node())
        for _ in range(2):
            house.spawner.last.exits(-9)
            await trio.sleep(0.1)
            assert house.states() == {CAM: "starting"}
            assert "signal 9" in house.see(CAM).reason
            await trio.sleep(2)
            assert house.states() == {CAM: "live"}
        assert house.see(CAM).restarts == 2
        assert house.see(CAM).source == "v4l2"


async def test_worker_that_crashes_before_its_first_picture_fails_at_the_third_time(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def die(child: FakeChild) -> None:
        child.exits(-9)

    async with running(tmp_path) as house:
        house.spawner.on_start = die
        await house.plugs.plug(node())
        assert house.states() == {CAM: "starting"}
        await trio.sleep(2)
        assert len(house.spawner.children) == 3
        assert house.states() == {CAM: "failed"}


async def test_frozen_camera_is_stalled_until_it_gives_pictures_again(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        house.spawner.on_start = lambda child: child.repeats(status(9))
        await house.plugs.plug(node())
        await trio.sleep(1)
        assert house.states() == {CAM: "live"}
        house.spawner.on_start = lambda child: child.repeats(status(0, "starting"))
        await trio.sleep(6)
        view = house.see(CAM)
        assert (view.state, view.stalls) == ("stalled", 1)
        assert "hangs" not in view.reason  # it talks: the camera is to blame
        assert len(house.spawner.children) == 2
        house.spawner.on_start = healthy
        await trio.sleep(30)
        assert house.states() == {CAM: "live"}


async def test_stopped_worker_is_replaced_within_ten_seconds(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def speak_once(child: FakeChild) -> None:
        await child.says(status(9))

    async with running(tmp_path) as house:
        house.spawner.on_start = speak_once
        await house.plugs.plug(node())
        house.spawner.on_start = healthy
        await trio.sleep(7)
        assert house.states() == {CAM: "live"}
        assert house.see(CAM).stalls == 1
        assert "worker hangs" in house.see(CAM).last_error


@pytest.mark.parametrize(("code", "word"), [(2, "refused"), (4, "another program"), (5, "no format")])
async def test_why_a_camera_failed_is_told(
    autojump_clock: MockClock, tmp_path: Path, code: int, word: str
) -> None:
    async def end(child: FakeChild) -> None:
        child.exits(code)

    async with running(tmp_path) as house:
        house.spawner.on_start = end
        await house.plugs.plug(node())
        view = house.see(CAM)
        assert view.state == "failed"
        assert word in view.reason


async def test_bad_job_is_not_tried_all_the_time(autojump_clock: MockClock, tmp_path: Path) -> None:
    async def end(child: FakeChild) -> None:
        child.exits(2)

    async with running(tmp_path) as house:
        house.spawner.on_start = end
        await house.plugs.plug(node())
        await trio.sleep(100)
        assert len(house.spawner.children) <= 4


async def test_node_that_may_not_be_opened_yet_is_asked_again(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    refusals = [PermissionError(errno.EACCES, "Permission denied") for _ in range(4)]

    def answer(_path: str) -> Capabilities:
        if refusals:
            raise refusals.pop()
        return capabilities(MJPEG)

    async with running(tmp_path, answer=answer) as house:
        await house.plugs.plug(node())
        assert house.states() == {}
        await trio.sleep(1)
        assert house.states() == {CAM: "live"}


async def test_node_that_may_never_be_opened_is_a_camera_that_says_so(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def answer(_path: str) -> Capabilities:
        raise PermissionError(errno.EACCES, "Permission denied")

    async with running(tmp_path, answer=answer) as house:
        await house.plugs.plug(node())
        await trio.sleep(3)
        assert house.states() == {CAM: "failed"}
        assert "group video" in house.see(CAM).reason
        house.answer = lambda _path: capabilities(MJPEG)
        await trio.sleep(20)
        assert house.states() == {CAM: "live"}


async def test_driver_that_hangs_holds_up_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    def answer(path: str) -> Capabilities:
        if path == "/dev/video0":
            raise CameraError(f"{path} does not answer. Plug the camera anew.")
        return capabilities(MJPEG)

    async with running(
        tmp_path, node("1", serial="A"), node("2", serial="B", number=2), answer=answer
    ) as house:
        assert sorted(house.states().values()) == ["failed", "live"]


async def test_node_pulled_while_it_is_asked_leaves_nothing(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def answer(_path: str) -> Capabilities:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    async with running(tmp_path, answer=answer) as house:
        await house.plugs.plug(node())
        await house.plugs.pull(node())
        await trio.sleep(60)
        assert house.states() == {}


async def test_configured_cameras_need_no_device(autojump_clock: MockClock, tmp_path: Path) -> None:
    config = Config(
        cameras={
            "demo": CameraSettings(source="synthetic", name="Test picture", width=640, height=360),
            "film": CameraSettings(source="file:/srv/film.mp4"),
            "off": CameraSettings(source="synthetic", enabled=False),
            "never": CameraSettings(name="Garden"),
            "unlucky": CameraSettings(source="synthetic"),
        }
    )
    async with running(tmp_path, config=config) as house:
        assert house.states() == {
            "film": "live",
            "never": "unplugged",
            "off": "disabled",
            "demo": "live",
            "unlucky": "starting",
        }
        assert [view.name for view in house.manager.cameras()] == [
            "film",
            "Garden",
            "off",
            "Test picture",
            "unlucky",
        ]
        await trio.sleep(3)
        assert house.states()["unlucky"] == "failed"
        assert "not there" in house.see("unlucky").reason
        assert house.states()["demo"] == "live"


async def test_disabled_usb_camera_is_left_alone(autojump_clock: MockClock, tmp_path: Path) -> None:
    config = Config(cameras={CAM: CameraSettings(enabled=False)})
    async with running(tmp_path, node(), config=config) as house:
        assert house.states() == {CAM: "disabled"}
        assert house.spawner.children == []


async def test_recording_is_switched_without_a_new_worker_and_stays_so(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        house.spawner.on_start = lambda child: child.gives_pictures()
        await house.plugs.plug(node())
        house.manager.set_recording(CAM, False)
        house.manager.set_recording(CAM, False)
        house.manager.request_keyframe(CAM)
        house.manager.set_recording("nobody", True)
        job, *commands = await house.spawner.last.got()
        assert job_of(job)["recording"]["on"] is True
        assert commands == ["record off", "keyframe"]
        assert not house.see(CAM).recording_wanted
        house.spawner.last.exits(1)
        await trio.sleep(1)
        assert job_of((await house.spawner.last.got())[0])["recording"]["on"] is False


async def test_recording_forbidden_by_the_settings_cannot_be_switched_on(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = Config(recording=RecordingSettings(enabled=False))
    async with running(tmp_path, config=config) as house:
        house.spawner.on_start = None
        await house.plugs.plug(node())
        house.manager.set_recording(CAM, True)
        assert not house.see(CAM).recording_wanted
        (job,) = await house.spawner.last.got()
        assert job_of(job)["recording"] is None


async def test_what_the_worker_says_is_seen_and_counted_as_a_change(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        house.spawner.on_start = None
        await house.plugs.plug(node())
        before = house.manager.version
        said = status(
            3,
            width=1280,
            recording=True,
            recording_dropped=7,
            outputs=(OutputStatus(kind="hls", connected=True),),
            encoder="libx264",
        )
        await house.spawner.last.says(said)
        with trio.fail_after(1):
            assert await house.manager.changed(before) > before
        view = house.see(CAM)
        assert (view.width, view.recording, view.live_connected) == (1280, True, True)
        assert view.recording_dropped == 7
        assert (view.frames_out, view.encoder, view.worker_pid) == (3, "libx264", 1000)
        version = house.manager.version
        await house.spawner.last.says(said)
        with trio.move_on_after(1) as patience:
            await house.manager.changed(version)
        assert patience.cancelled_caught


async def test_frames_that_are_counted_are_no_turn_but_lost_ones_are(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        house.spawner.on_start = None
        await house.plugs.plug(node())
        await house.spawner.last.says(status(3, recording=True))
        turns, changes = await house.manager.turned(-1), house.manager.version
        await house.spawner.last.says(status(33, recording=True, fps=30.0, bitrate_kbit=900.0))
        assert await house.manager.changed(changes) > changes
        with trio.move_on_after(1) as patience:
            await house.manager.turned(turns)
        assert patience.cancelled_caught
        await house.spawner.last.says(status(34, recording=True, recording_dropped=1))
        with trio.fail_after(1):
            assert await house.manager.turned(turns) > turns


async def test_snapshot_is_told_once_there_is_one(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path, node()) as house:
        assert house.manager.snapshot_path(CAM) is None
        path = tmp_path / f"run/snapshots/{CAM}.jpg"
        path.touch()
        os.utime(path, (NOW, NOW))
        assert house.manager.snapshot_path(CAM) == path
        (tmp_path / "run/secret.jpg").touch()
        assert house.manager.snapshot_path("../secret") is None


async def test_snapshot_of_a_camera_that_froze_or_was_pulled_is_no_picture_of_now(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, node()) as house:
        path = tmp_path / f"run/snapshots/{CAM}.jpg"
        path.touch()
        for age, told in ((0, path), (9, path), (11, None), (86_400, None), (-5, path), (-3600, None)):
            moment = NOW + trio.current_time() - age
            os.utime(path, (moment, moment))
            assert house.manager.snapshot_path(CAM) == told
        path.unlink()
        path.symlink_to("/etc/hostname")
        assert house.manager.snapshot_path(CAM) is None


async def test_listener_that_breaks_stops_no_camera(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.heard = None  # type: ignore[assignment]
        await house.plugs.plug(node())
        await trio.sleep(30)
        assert house.states() == {CAM: "live"}
        assert len(house.spawner.children) == 1


async def test_fault_in_one_camera_stops_no_other(autojump_clock: MockClock, tmp_path: Path) -> None:
    config = Config(cameras={"demo": CameraSettings(source="synthetic")})
    async with running(tmp_path, config=config) as house:
        (tmp_path / "run/snapshots").rename(tmp_path / "run/old")
        (tmp_path / "run/snapshots").touch()
        await house.plugs.plug(node())
        await trio.sleep(20)
        assert house.states() == {CAM: "failed", "demo": "live"}
        assert "fault in edged" in house.see(CAM).reason


async def test_fault_in_discovery_is_survived_and_what_went_meanwhile_is_noticed(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as house:
        await house.plugs.plug(node())
        await house.plugs.tell(RuntimeError("a bug"))
        assert house.states() == {CAM: "live"}
        await trio.sleep(6)
        assert house.states() == {CAM: "unplugged"}
        await house.plugs.plug(node())
        await trio.sleep(1)
        assert house.states() == {CAM: "live"}


async def test_sick_database_stops_no_camera(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Memory()
    store.sick = True
    async with running(tmp_path, node(), store=store) as house:
        assert house.states() == {CAM: "live"}


async def test_stopping_ends_all_workers_at_once_within_four_seconds(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def obey_slowly(child: FakeChild) -> None:
        await child.says(status(1), opened())
        await child.obeys(3.0, closed())

    async def ignore(child: FakeChild) -> None:
        child.stubborn = True
        await child.says(status(1))

    async with running(tmp_path) as house:
        house.spawner.on_start = obey_slowly
        await house.plugs.plug(node("1", serial="A"))
        house.spawner.on_start = ignore
        await house.plugs.plug(node("2", serial="B", number=2))
        start = trio.current_time()
        house.scope.cancel()
        await house.over.wait()
        assert trio.current_time() - start <= 4.1
        assert all(child.ended for child in house.spawner.children)
        assert (CAM, closed()) in house.heard


async def test_pulse_is_there_while_all_cameras_are_served(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with running(tmp_path, node()) as house:
        with trio.fail_after(1):
            await house.manager.pulse()
        house.scope.cancel()
        await trio.sleep(5)
        with trio.move_on_after(1) as patience:
            await house.manager.pulse()
        assert patience.cancelled_caught

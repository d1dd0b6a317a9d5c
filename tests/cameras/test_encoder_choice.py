"""Which encoder a camera gets: proofs, what is kept of them, and what is left after two faults."""

import fcntl
import json
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from lab.processes import is_alive

from edged.cameras import encoder_notes
from edged.cameras.encoder_choice import Choice, NamedOnly, Size
from edged.cameras.encoder_notes import (
    FILE,
    LOCK,
    Notes,
    change_notes,
    empty_notes,
    read_notes,
    with_fault,
    write_notes,
)
from edged.cameras.encoder_prover import ChildProver
from edged.cameras.encoders import RETRIES, Encoders, usual_sizes
from edged.capture.encoders.candidates import TABLE, Facts
from edged.capture.encoders.facts import hardware_nodes
from edged.capture.encoders.pressure import Pressure
from edged.capture.encoders.proof import Proof, ProofRequest
from edged.commands.encoders import parse_size, tell
from edged.errors import CameraError

HD = Size(1280, 720, 30.0)
SD = Size(640, 480, 30.0)
BOARD = Facts(
    machine="aarch64",
    nodes=("video11", "mpp_service"),
    v4l2_encoders=("video11",),
    codecs=tuple(name for name, _lacks in TABLE),
)
M2M, MPP = "h264_v4l2m2m", "h264_rkmpp"


class FakeProver:
    """Gives the verdicts of a test; each trial takes `seconds`."""

    def __init__(self, **taken: bool) -> None:
        self.taken = taken
        self.seconds = 2.0
        self.asked: list[str] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        self.broken = False
        self.passing: Literal["", "busy", "slow"] = ""
        self.known = BOARD

    async def facts(self) -> Facts:
        if self.broken:
            raise CameraError("its trial was ended by signal 11")
        return self.known

    async def prove(self, request: ProofRequest) -> Proof:
        self.asked.append(f"{request.encoder} {request.width}x{request.height}")
        self.times.append(trio.current_time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await trio.sleep(self.seconds)
        self.at_once -= 1
        taken = self.taken.get(request.encoder, False)
        reason = "proved" if taken else self.passing or "it makes B-frames"
        return Proof(
            encoder=request.encoder,
            taken=taken,
            reason=reason,
            seconds=self.seconds,
            passing="" if taken else self.passing,
        )


def board(folder: Path, *nodes: str) -> Path:
    """A root with these nodes in /dev."""
    root = folder / "root"
    (root / "dev/dri").mkdir(parents=True)
    (root / "proc/sys/kernel/random").mkdir(parents=True)
    (root / "proc/sys/kernel/random/boot_id").write_text("one boot\n")
    for node in nodes:
        (root / "dev" / node).touch()
    return root


@asynccontextmanager
async def running(
    folder: Path,
    prover: FakeProver,
    *nodes: str,
    usual: tuple[Size, ...] = (),
    root: Path | None = None,
    clock: Callable[[], float] = trio.current_time,
) -> AsyncIterator[Encoders]:
    root = root or board(folder, *(nodes or ("video11", "mpp_service")))
    encoders = Encoders(runtime=folder, usual=usual, root=root, prover=prover, clock=clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(encoders.run)
        yield encoders
        nursery.cancel_scope.cancel()


async def settled(encoders: Encoders, size: Size) -> Choice:
    """What is chosen once the proofs are done."""
    version = 0
    while "until" in (choice := encoders.choose("auto", size)).reason:
        version = await encoders.changed(version)
    return choice


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; the mocked clock does not wait for threads, so no time is told."""
    for _ in range(50_000):
        if is_so():
            return
        await trio.sleep(5)
    raise AssertionError("never")


async def chosen(encoders: Encoders, name: str) -> None:
    await eventually(lambda: encoders.choose("auto", HD).name == name)


def wait_for_note(folder: Path, words: bytes) -> None:
    """Wait, in a thread, until the notes have these words: files know no mocked clock."""
    end = time.monotonic() + 10
    while not (folder / FILE).exists() or words not in (folder / FILE).read_bytes():
        assert time.monotonic() < end
        time.sleep(0.01)


async def noted(folder: Path, words: bytes) -> None:
    await trio.to_thread.run_sync(wait_for_note, folder, words)


async def test_camera_gets_software_at_once_and_the_best_that_is_proved_later(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(tmp_path, FakeProver(h264_v4l2m2m=True)) as encoders:
        first = encoders.choose("auto", HD)
        assert first.name == "libx264"
        assert "until" in first.reason
        version = await encoders.changed(0)
        assert encoders.choose("auto", HD) == Choice(M2M, "proved", (1280, 720))
        assert version


async def test_usual_sizes_are_proved_before_anybody_asks_one_at_a_time(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover, usual=usual_sizes(1280, 720, 30.0)) as encoders:
        assert (await settled(encoders, HD)).name == MPP
        assert (await settled(encoders, SD)).name == MPP
        # The better one was taken, so the other is not tried.
        assert prover.asked == [f"{MPP} 1280x720", f"{MPP} 640x480"]
        assert prover.most_at_once == 1


async def test_size_that_a_camera_waits_for_comes_before_the_usual_ones(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover, usual=usual_sizes(1920, 1080, 30.0)) as encoders:
        encoders.choose("auto", Size(800, 600, 25.0))
        version = 0
        while len(prover.asked) < 4:
            version = await encoders.changed(version)
        assert prover.asked[1] == f"{MPP} 800x600"


async def test_when_none_is_proved_software_says_why(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(tmp_path, FakeProver()) as encoders:
        choice = await settled(encoders, HD)
        assert choice.name == "libx264"
        assert f"{M2M}: it makes B-frames" in choice.reason


async def test_machine_without_devices_waits_for_nothing_and_asks_nobody(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    async with running(tmp_path, prover, "null", "sda", usual=(HD,)) as encoders:
        await trio.sleep(10)
        assert encoders.choose("auto", HD) == Choice(
            "libx264", "software: this machine has no encoder in hardware"
        )
        assert not prover.asked


async def test_prover_that_cannot_even_look_costs_no_camera(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    prover.broken = True
    async with running(tmp_path, prover, usual=(HD, SD)) as encoders:
        await trio.sleep(10)
        assert encoders.choose("auto", HD).name == "libx264"


async def test_named_encoder_is_taken_by_its_name_until_it_has_failed_twice(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(tmp_path, FakeProver()) as encoders:
        assert encoders.choose(M2M, HD) == Choice(M2M, "named in the settings")
        assert encoders.choose("libx264", None).name == "libx264"
        for _ in range(2):
            encoders.blame(M2M, "cam", "it hangs")
        assert encoders.choose(M2M, HD).name == "libx264"


async def test_two_faults_of_any_cameras_are_the_end_until_the_next_boot_and_health_says_so(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        encoders.blame(MPP, "front", "it hangs")
        first = encoders.choose("auto", HD)
        assert first.name == "libx264"
        assert "anew, after front: it hangs" in first.reason
        assert (await settled(encoders, HD)).name == MPP
        assert not encoders.findings()
        encoders.blame(MPP, "back", "it lies")
        encoders.blame(MPP, "back", "it lies again")
        choice = encoders.choose("auto", HD)
        assert choice.name == "libx264"
        assert "left until the next boot" in choice.reason
        (finding,) = encoders.findings()
        assert finding.id == f"encoder.left:{MPP}"
        assert "back: it lies" in finding.cause
        await noted(tmp_path, b"back: it lies")
    async with running(tmp_path, prover, root=tmp_path / "root") as encoders:
        assert encoders.choose("auto", HD).name == "libx264"
        assert encoders.findings()
    (tmp_path / "root/proc/sys/kernel/random/boot_id").write_text("another boot\n")
    async with running(tmp_path, prover, root=tmp_path / "root") as encoders:
        assert (await settled(encoders, HD)).name == MPP
        assert not encoders.findings()


async def test_encoder_that_failed_at_work_and_is_not_proved_again_is_left(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        encoders.blame(MPP, "front", "it hangs")
        prover.taken = {}
        assert (await settled(encoders, HD)).name == "libx264"
        (finding,) = encoders.findings()
        assert "not proved again: it makes B-frames" in finding.cause


class Days:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now * 24 * 3600


async def test_fault_is_forgiven_after_a_day_if_a_trial_was_passed_since(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    days = Days()
    async with running(tmp_path, FakeProver(h264_rkmpp=True), clock=days) as encoders:
        for _ in range(3):
            assert (await settled(encoders, HD)).name == MPP
            encoders.blame(MPP, "front", "it lies")
            assert not encoders.findings()
            days.now += 1.1
        assert (await settled(encoders, HD)).name == MPP
        encoders.blame(MPP, "front", "it hangs")
        assert (await settled(encoders, HD)).name == MPP
        await noted(tmp_path, b"it hangs")
    days.now += 0.9
    async with running(tmp_path, FakeProver(), root=tmp_path / "root", clock=days) as encoders:
        encoders.blame(MPP, "front", "it lies again")
        assert encoders.findings()
        days.now += 10
        assert encoders.choose("auto", HD).name == "libx264"
        assert encoders.findings()


async def test_fault_without_a_passed_trial_since_is_not_forgiven(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    days, prover = Days(), FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover, clock=days) as encoders:
        await settled(encoders, HD)
        prover.taken, prover.passing = {}, "busy"
        encoders.blame(MPP, "front", "it lies")
        await settled(encoders, HD)
        days.now += 2
        encoders.blame(MPP, "front", "it lies again")
        assert encoders.findings()


async def test_what_was_proved_is_known_to_the_next_daemon_of_the_same_boot(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        await noted(tmp_path, b"proved")
    prover.asked.clear()
    async with running(tmp_path, prover, usual=(HD,), root=tmp_path / "root") as encoders:
        assert encoders.choose("auto", HD).name == MPP
        await trio.sleep(10)
        assert not prover.asked


# --- what does not hold until the next boot


async def test_refusal_without_a_trial_is_not_kept(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    prover.known = msgspec.structs.replace(BOARD, v4l2_encoders=(), closed=("video11",))
    async with running(tmp_path, prover) as encoders:
        assert "group video" in (await settled(encoders, HD)).reason
    assert b"group video" not in (tmp_path / FILE).read_bytes()
    prover.known = BOARD
    async with running(tmp_path, prover, root=tmp_path / "root") as encoders:
        assert (await settled(encoders, HD)).name == M2M


async def test_proof_is_worth_nothing_while_the_device_is_gone(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    root = board(tmp_path, "video11", "mpp_service")
    async with running(tmp_path, prover, root=root) as encoders:
        assert (await settled(encoders, HD)).name == MPP
        await noted(tmp_path, b"proved")
        (root / "dev/mpp_service").unlink()
        prover.known = msgspec.structs.replace(BOARD, nodes=("video11",))
        await chosen(encoders, "libx264")
        proofs = {proof.encoder: proof for proof in await encoders.prove(HD, all_of_them=True)}
        assert not proofs[MPP].taken
        assert "no Rockchip board" in proofs[MPP].reason
    # Nor for the next daemon, which has not asked anybody yet.
    async with running(tmp_path, prover, root=root) as encoders:
        assert encoders.choose("auto", HD).name == "libx264"
        (root / "dev/mpp_service").touch()
        prover.known = BOARD
        await chosen(encoders, MPP)


async def test_proof_of_the_daemon_is_believed_by_one_who_may_not_open_the_device(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    async with running(tmp_path, prover) as encoders:
        assert (await settled(encoders, HD)).name == M2M
        await noted(tmp_path, b"proved")
    prover.known = msgspec.structs.replace(BOARD, v4l2_encoders=(), closed=("video11",))
    other = Encoders(runtime=tmp_path, root=tmp_path / "root", prover=prover)
    other.load()
    proofs = {proof.encoder: proof for proof in await other.prove(HD, all_of_them=True)}
    assert proofs[M2M].taken


@pytest.mark.parametrize("trouble", ["busy", "slow"])
async def test_passing_trouble_is_tried_again_later_and_later(
    trouble: Literal["busy", "slow"], tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver()
    prover.passing = trouble
    async with running(tmp_path, prover) as encoders:
        assert trouble in (await settled(encoders, HD)).reason
        await trio.sleep(sum(RETRIES) + RETRIES[-1] + 100)
        tried = [at for name, at in zip(prover.asked, prover.times, strict=True) if name.startswith(M2M)]
        pauses = [after - before for before, after in pairwise(tried)]
        assert [round(pause, -1) for pause in pauses] == [*RETRIES, RETRIES[-1]]
        assert not encoders.findings()
        prover.taken = {M2M: True}
        await chosen(encoders, M2M)
        await noted(tmp_path, M2M.encode())
        asked = len(prover.asked)
        await trio.sleep(2 * RETRIES[-1])
        assert len(prover.asked) == asked
    assert trouble.encode() + b'"' not in (tmp_path / FILE).read_bytes()


async def test_verdict_that_holds_is_not_tried_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver()
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        asked = len(prover.asked)
        await trio.sleep(2 * RETRIES[-1])
        assert len(prover.asked) == asked


async def test_look_that_failed_is_tried_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    prover.broken = True
    async with running(tmp_path, prover) as encoders:
        assert (await settled(encoders, HD)).name == "libx264"
        prover.broken = False
        await chosen(encoders, M2M)


async def test_device_that_is_busy_after_a_fault_is_no_second_fault(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        encoders.blame(M2M, "front", "it hangs")
        prover.taken, prover.passing = {}, "busy"
        assert (await settled(encoders, HD)).name == "libx264"
        assert not encoders.findings()
        prover.taken = {M2M: True}
        await chosen(encoders, M2M)


async def test_trial_that_is_slow_on_a_machine_with_time_is_the_second_fault(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_v4l2m2m=True)
    async with running(tmp_path, prover) as encoders:
        await settled(encoders, HD)
        encoders.blame(M2M, "front", "it is too slow")
        prover.taken, prover.passing = {}, "slow"
        assert (await settled(encoders, HD)).name == "libx264"
        assert encoders.findings()


async def test_command_that_proves_anew_loses_nothing_that_the_daemon_knows(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    prover = FakeProver(h264_rkmpp=True)
    async with running(tmp_path, prover, usual=(HD, SD)) as encoders:
        await settled(encoders, HD)
        await settled(encoders, SD)
        encoders.blame(M2M, "front", "it hangs")
        await noted(tmp_path, b"it hangs")
        command = Encoders(runtime=tmp_path, root=tmp_path / "root", prover=prover)
        command.load()
        # Meanwhile the daemon learns more.
        encoders.blame(M2M, "back", "it lies")
        await noted(tmp_path, b"it lies")
        prover.asked.clear()
        told = await tell(command, HD, again=True)
        assert prover.asked == [f"{MPP} 1280x720", f"{M2M} 1280x720", "libx264 1280x720"]
        assert told["chosen"] == MPP
        kept = read_notes(tmp_path, empty_notes(tmp_path / "root"))
        assert kept.faults == {M2M: ("front: it hangs", "back: it lies")}
        assert [proof.encoder for proof in kept.proofs[SD.key]] == [MPP]
        assert [proof.encoder for proof in kept.proofs[HD.key]] == [MPP, M2M, "libx264"]
        # And the daemon takes in what the command found out.
        encoders.blame("h264_nvenc", "back", "it lies again")
        await noted(tmp_path, b"it lies again")
        await eventually(lambda: M2M in {proof.encoder for proof in encoders.proofs(HD)})


def test_those_without_use_for_hardware_take_the_settings_word() -> None:
    assert NamedOnly().choose("auto", None) == Choice("auto", "")


# --- what is kept

NOTES = Notes(
    boot="b",
    software="1 2",
    proofs={"1280x720@30": (Proof(encoder=M2M, taken=True, reason="proved"),)},
    faults={M2M: ("cam: it hangs",)},
)
EMPTY = Notes(boot="b", software="1 2")


def add_fault(folder: Path, name: str) -> None:
    change_notes(folder, EMPTY, [partial(with_fault, name=name, words="it hangs", moment=1.0)])


def test_what_processes_write_at_the_same_time_is_all_kept(tmp_path: Path) -> None:
    names = [name for name, _lacks in TABLE]
    write_notes(tmp_path, EMPTY)
    workers = [
        multiprocessing.get_context("fork").Process(target=add_fault, args=(tmp_path, name)) for name in names
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert set(read_notes(tmp_path, EMPTY).faults) == set(names)


def test_notes_that_somebody_holds_for_long_are_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_notes, "LOCK_PAUSE", 0.0)
    with (tmp_path / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match="another process"):
            change_notes(tmp_path, EMPTY, [])
    change_notes(tmp_path, EMPTY, [])


def test_pipe_and_folder_in_place_of_the_lock_are_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(OSError, match="it is no file"):
        change_notes(tmp_path, EMPTY, [])
    (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).mkdir()
    with pytest.raises(OSError, match="directory"):
        change_notes(tmp_path, EMPTY, [])


@pytest.mark.parametrize(
    "value", ["٦٤٠x480", "1_280x720", "+640x480", "640x 480", "640", "x", "641x480", "16x16"]
)
def test_size_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_size(None, None, value)  # type: ignore[arg-type]


def test_size_is_taken_in_pixels() -> None:
    assert parse_size(None, None, "640X480") == (640, 480)  # type: ignore[arg-type]


def test_notes_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_notes(tmp_path, NOTES)
    assert read_notes(tmp_path, EMPTY) == NOTES
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "now",
    [Notes(boot="c", software="1 2"), Notes(boot="b", software="1 3"), Notes(boot="", software="1 2")],
)
def test_notes_of_another_boot_or_other_versions_are_not_believed(tmp_path: Path, now: Notes) -> None:
    write_notes(tmp_path, NOTES)
    assert read_notes(tmp_path, now) is now


@given(content=st.binary(max_size=200) | st.sampled_from([b"[" * 5000, b'{"boot": "b"}', b"null"]))
def test_foreign_content_is_as_good_as_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / FILE).write_bytes(content)
    assert read_notes(folder, EMPTY) is EMPTY


def test_link_pipe_and_folder_in_its_place_are_not_followed(tmp_path: Path) -> None:
    write_notes(tmp_path, NOTES)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    assert read_notes(tmp_path, EMPTY) is EMPTY
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    assert read_notes(tmp_path, EMPTY) is EMPTY
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert read_notes(tmp_path, EMPTY) is EMPTY


def test_this_machine_tells_its_boot() -> None:
    assert empty_notes().boot
    assert "libav" not in empty_notes().software


# --- where hardware is looked for


def test_only_what_may_be_an_encoder_is_hardware(tmp_path: Path) -> None:
    root = board(tmp_path, "video0", "video11", "null", "nvidia0", "nvidia-modeset", "dri/renderD128")
    links = root / "sys/class/video4linux"
    links.mkdir(parents=True)
    (links / "video0").symlink_to("../../devices/pci0000:00/usb1/1-1/1-1:1.0/video4linux/video0")
    (links / "video11").symlink_to("../../devices/platform/bcm2835-codec/video4linux/video11")
    assert hardware_nodes(root) == ("dri/renderD128", "nvidia0", "video11")
    assert hardware_nodes(tmp_path / "nothing") == ()


# --- the child

GOOD = Proof(encoder=M2M, taken=True, reason="proved")
REQUEST = ProofRequest(encoder=M2M, width=640, height=480, fps=30)


def child(script: str, **more: Any) -> ChildProver:
    return ChildProver((sys.executable, "-c", script), **more)


async def test_child_answers_after_it_is_ready() -> None:
    answer = json.dumps({"encoder": M2M, "taken": True, "reason": "proved"})
    prover = child(f"input(); print('ready', flush=True); print({answer!r})")
    assert await prover.prove(REQUEST) == GOOD


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("input(); print('ready')", "its trial ended with code 0"),
        ("input(); import os; os.abort()", "its trial was ended by signal 6"),
        ("input(); print('ready'); print('{]')", "its trial said nonsense"),
        ("import sys; sys.exit(3)", "its trial ended with code 3"),
    ],
)
async def test_child_that_ends_badly_is_a_refusal(script: str, words: str) -> None:
    proof = await child(script).prove(REQUEST)
    assert not proof.taken
    assert words in proof.reason


SLOW = json.dumps({"encoder": M2M, "taken": False, "reason": "too slow", "seconds": 2.0, "passing": "slow"})
LIAR = json.dumps({"encoder": M2M, "taken": False, "reason": "it lies", "seconds": 2.0})
HANGS = "input(); print('ready', flush=True); import time; time.sleep(60)"


@pytest.mark.parametrize(
    ("script", "waited", "passing"),
    [
        (f"input(); print('ready'); print({SLOW!r})", 0.3, "slow"),
        (f"input(); print('ready'); print({SLOW!r})", 0.5, "busy"),
        (HANGS, 0.3, "slow"),
        (HANGS, 0.5, "busy"),
        (f"input(); print('ready'); print({LIAR!r})", 0.5, ""),
    ],
)
async def test_trial_that_is_slow_on_a_machine_with_too_much_to_do_proves_nothing(
    script: str, waited: float, passing: str
) -> None:
    told = iter([Pressure(0.0, 7.0, 0.0), Pressure(1.0, 7.0 + waited, 0.0)])
    proof = await child(script, seconds=0.3, pressure=lambda: next(told)).prove(REQUEST)
    assert not proof.taken
    assert proof.passing == passing
    assert ("too much to do" in proof.reason) == (passing == "busy")


async def test_hung_child_and_what_it_started_are_killed_in_time(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = (
        "import os, signal, subprocess, sys, time; input(); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "other = subprocess.Popen(['sleep', '60']);"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}');"
        "print('ready', flush=True); time.sleep(60)"
    )
    with trio.fail_after(10):
        proof = await child(script, seconds=0.3).prove(REQUEST)
    assert "it hangs: no end of its trial after 0.3 s" in proof.reason
    for pid in map(int, pids.read_text().split()):
        with trio.fail_after(5):
            while is_alive(pid):  # noqa: ASYNC110
                await trio.sleep(0.05)


@pytest.mark.parametrize(
    "answer",
    ["print('{}')", f"print({json.dumps(json.dumps({'encoder': M2M, 'taken': True, 'reason': 'proved'}))})"],
)
async def test_what_a_child_started_is_killed_though_the_child_itself_has_ended(
    answer: str, tmp_path: Path
) -> None:
    script = (
        "import os, subprocess; input(); print('ready');"
        "other = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(other.pid));"
        f"{answer}"
    )
    await child(script).prove(REQUEST)
    pid = int((tmp_path / "pid").read_text())
    with trio.fail_after(5):
        while is_alive(pid):  # noqa: ASYNC110
            await trio.sleep(0.05)


async def test_child_that_cannot_be_started_is_a_refusal(tmp_path: Path) -> None:
    proof = await ChildProver((str(tmp_path / "nothing"),)).prove(REQUEST)
    assert "cannot be started" in proof.reason

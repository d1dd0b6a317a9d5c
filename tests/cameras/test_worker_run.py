"""One worker from start to end: only progress is trusted, footage is closed, every wait has an end."""

import sys
import textwrap
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from camera_fakes import FakeChild, closed, healthy, job_of, opened, status

from edged.cameras.child import spawn_worker
from edged.cameras.watch import WorkerEnd, WorkerLimits
from edged.cameras.worker import Worker
from edged.capture.job import CaptureJob, SyntheticSource
from edged.capture.report import Message

JOB = CaptureJob(camera="front", source=SyntheticSource())
LIMITS = WorkerLimits()


class Run:
    """A worker that runs in a nursery."""

    def __init__(self, nursery: trio.Nursery, spawn: Any = None) -> None:
        self.child = FakeChild()
        self.heard: list[Message] = []
        self.end: WorkerEnd | None = None
        self.over = trio.Event()
        self.scope = trio.CancelScope()
        self.worker = Worker(JOB, spawn=spawn or self._spawn, on_message=self._hear, limits=LIMITS)
        self.spoken = trio.Event()
        nursery.start_soon(self._run)

    def _hear(self, message: Message) -> None:
        self.heard.append(message)
        self.spoken.set()

    async def _spawn(self) -> FakeChild:
        return self.child

    async def _run(self) -> None:
        with self.scope:
            self.end = await self.worker.run()
            self.over.set()

    async def ended(self) -> WorkerEnd:
        await self.over.wait()
        assert self.end is not None
        return self.end


MockClock = trio.testing.MockClock


@pytest.fixture
async def run(nursery: trio.Nursery) -> Run:
    run = Run(nursery)
    await trio.testing.wait_all_tasks_blocked()
    return run


async def test_job_comes_first_then_commands_each_in_a_line(autojump_clock: MockClock, run: Run) -> None:
    run.worker.command("keyframe")
    run.worker.command("record off")
    await trio.testing.wait_all_tasks_blocked()
    job, *commands = await run.child.got()
    assert job_of(job)["camera"] == "front"
    assert commands == ["keyframe", "record off"]
    run.child.exits(1)


async def test_messages_are_told_and_nonsense_is_not(autojump_clock: MockClock, run: Run) -> None:
    await run.child.says(
        b"not json\n", b'{"kind": "status"}\n', b"\xff\xfe\n", b"[" * 20_000 + b"\n", b"x" * 300_000 + b"\n"
    )
    await run.child.says(status(1), opened())
    assert run.heard == [status(1), opened()]
    run.child.exits(1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, "crashed"),
        (1, "crashed"),
        (2, "bad_job"),
        (3, "gone"),
        (4, "busy"),
        (5, "no_format"),
        (-11, "crashed"),
    ],
)
async def test_exit_code_tells_why_it_ended(
    autojump_clock: MockClock, run: Run, code: int, kind: str
) -> None:
    await run.child.says(status(1, last_error="the words of the worker"))
    run.child.exits(code)
    end = await run.ended()
    assert end.kind == kind
    assert "the words of the worker" in end.reason
    assert run.child.signals == []


async def test_last_words_before_the_end_are_heard(autojump_clock: MockClock, run: Run) -> None:
    await run.child.says(status(1), opened())
    await run.child.says(closed())
    run.child.exits(3)
    await run.ended()
    assert run.heard[-1] == closed()


async def test_worker_that_never_speaks_is_killed(autojump_clock: MockClock, run: Run) -> None:
    start = trio.current_time()
    end = await run.ended()
    assert end.kind == "stalled"
    assert [name for name, _ in run.child.signals] == ["KILL"]
    assert trio.current_time() - start == pytest.approx(LIMITS.hello, abs=0.1)


async def test_camera_that_gives_no_first_picture_is_given_up(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    start = trio.current_time()
    nursery.start_soon(run.child.repeats, status(0, "starting"))
    end = await run.ended()
    assert end.kind == "stalled"
    assert "no picture" in end.reason
    assert trio.current_time() - start < LIMITS.first_frame + LIMITS.last_words + 1


async def test_worker_that_talks_but_gives_no_new_picture_is_killed_after_the_stall_time(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    nursery.start_soon(run.child.repeats, status(7))
    start = trio.current_time()
    assert (await run.ended()).kind == "stalled"
    assert LIMITS.stall <= trio.current_time() - start < LIMITS.stall + LIMITS.last_words + 1


async def test_worker_of_a_frozen_camera_may_close_its_footage_first(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    nursery.start_soon(run.child.obeys, 0.3, closed())
    await run.child.says(opened())
    nursery.start_soon(run.child.repeats, status(7))
    assert (await run.ended()).kind == "stalled"
    assert closed() in run.heard


async def test_stopped_process_is_killed_right_after_the_stall_time(
    autojump_clock: MockClock, run: Run
) -> None:
    await run.child.says(status(7))
    start = trio.current_time()
    end = await run.ended()
    assert end.kind == "stalled"
    assert run.child.signals == [("KILL", pytest.approx(start + LIMITS.stall, abs=0.05))]


async def test_a_daemon_that_was_stopped_does_not_take_its_own_sleep_for_the_workers(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    await run.child.says(status(7))
    autojump_clock.jump(20)
    # What the worker said meanwhile is read only after the clock was looked at.
    await trio.sleep(0.5)
    assert run.child.signals == []
    nursery.start_soon(run.child.gives_pictures)
    await trio.sleep(30)
    assert run.end is None
    run.child.exits(1)


async def test_a_daemon_that_was_stopped_still_finds_a_worker_that_is_stopped_too(
    autojump_clock: MockClock, run: Run
) -> None:
    await run.child.says(status(7))
    autojump_clock.jump(20)
    start = trio.current_time()
    assert (await run.ended()).kind == "stalled"
    assert trio.current_time() - start < 3


async def test_worker_with_progress_lives_on(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    nursery.start_soon(run.child.gives_pictures)
    await trio.sleep(100)
    assert run.end is None
    run.child.exits(1)
    assert (await run.ended()).healthy == pytest.approx(100, abs=1)


async def test_asked_to_stop_it_has_time_to_close_its_footage(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    nursery.start_soon(run.child.obeys, 3.0, closed())
    await run.child.says(status(1), opened())
    run.worker.stop()
    assert (await run.ended()).kind == "asked"
    assert run.heard[-1] == closed()
    assert run.child.signals == []


async def test_worker_that_does_not_obey_is_ended_within_four_seconds(
    autojump_clock: MockClock, run: Run
) -> None:
    run.child.stubborn = True
    await run.child.says(status(1))
    start = trio.current_time()
    run.worker.stop()
    assert (await run.ended()).kind == "asked"
    assert [name for name, _ in run.child.signals] == ["TERM", "KILL"]
    assert trio.current_time() - start <= 4


async def test_cancelling_stops_it_in_good_order(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    nursery.start_soon(run.child.obeys, 1.0, closed())
    await run.child.says(status(1), opened())
    run.scope.cancel()
    await trio.sleep(1.5)
    assert run.scope.cancelled_caught
    assert run.heard[-1] == closed()


async def test_worker_of_a_pulled_camera_is_gone_in_half_a_second(
    autojump_clock: MockClock, run: Run
) -> None:
    await run.child.says(status(1))
    start = trio.current_time()
    run.worker.stop(pulled=True)
    await run.ended()
    assert trio.current_time() - start <= 0.5
    assert [name for name, _ in run.child.signals] == ["KILL"]


async def test_worker_of_a_pulled_camera_may_close_its_footage_on_a_slow_disk(
    autojump_clock: MockClock, run: Run, nursery: trio.Nursery
) -> None:
    async def close_late() -> None:
        await trio.sleep(1.5)
        await run.child.says(closed())

    await run.child.says(status(1), opened())
    nursery.start_soon(close_late)
    start = trio.current_time()
    run.worker.stop(pulled=True)
    await run.ended()
    assert run.heard[-1] == closed()
    assert trio.current_time() - start == pytest.approx(1.5, abs=0.05)


async def test_worker_that_cannot_be_started_is_told(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    run = Run(nursery, spawn=partial(spawn_worker, ["/nowhere/at/all"]))
    end = await run.ended()
    assert end.kind == "crashed"
    assert "No such file" in end.reason


async def test_deaf_worker_blocks_nobody(autojump_clock: MockClock, run: Run, nursery: trio.Nursery) -> None:
    nursery.start_soon(healthy, run.child)
    for _ in range(1000):
        run.worker.command("keyframe")
    run.worker.stop()
    assert (await run.ended()).kind == "asked"


# --- real processes


def script(body: str) -> Any:
    head = "import os, signal, sys, time\nout = sys.stdout\njob = sys.stdin.readline()\n"
    return partial(spawn_worker, [sys.executable, "-I", "-S", "-c", head + textwrap.dedent(body)])


LIVE = '{"kind":"status","state":"live","frames_in":1,"frames_out":1,"dropped":0,"fps":30,"bitrate_kbit":1}'


async def test_real_process_gets_its_job_is_heard_and_logged(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    body = f"""
        print('WARNING lamp: hot', file=sys.stderr, flush=True)
        assert 'front' in job
        print('{LIVE}')
        sys.exit(5)
    """
    run = Run(nursery, spawn=script(body))
    assert (await run.ended()).kind == "no_format"
    assert len(run.heard) == 1
    (record,) = [record for record in caplog.records if record.name == "edged.capture"]
    assert record.levelname == "WARNING"
    assert record.CAMERA == "front"  # type: ignore[attr-defined]


async def test_real_process_ends_with_all_that_it_started(nursery: trio.Nursery) -> None:
    # The grandchild holds the pipes open and would keep the reader waiting.
    body = f"""
        if not os.fork():
            time.sleep(60)
        print('{LIVE}', flush=True)
        signal.pause()
    """
    run = Run(nursery, spawn=script(body))
    await run.spoken.wait()
    run.worker.stop(pulled=True)
    with trio.fail_after(5):
        assert (await run.ended()).kind == "asked"


async def test_flood_in_the_log_is_held_back(nursery: trio.Nursery, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(nursery, spawn=script("for n in range(5000): print('x', n, file=sys.stderr)"))
    await run.ended()
    lines = [record.message for record in caplog.records if record.name == "edged.capture"]
    assert len(lines) < 100
    assert "lines were left out" in lines[-1]

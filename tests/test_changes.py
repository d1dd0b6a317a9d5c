"""Nobody who follows changes misses one, or waits for one that was."""

import trio

from edged.changes import Changes


async def test_who_waits_is_woken_by_the_next_change(autojump_clock: trio.testing.MockClock) -> None:
    changes, seen = Changes(), []
    async with trio.open_nursery() as nursery:

        async def follow() -> None:
            seen.append(await changes.after(0))
            seen.append(await changes.after(seen[-1]))

        nursery.start_soon(follow)
        await trio.sleep(1)
        assert seen == []
        changes.tell()
        await trio.sleep(1)
        assert seen == [1]
        changes.tell()
    assert seen == [1, 2]


async def test_a_change_that_was_is_not_waited_for() -> None:
    changes = Changes()
    changes.tell()
    changes.tell()
    assert await changes.after(0) == 2
    assert await changes.after(1) == 2

"""Sessions are known at once, end at once, and survive a restart."""

import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from edged.access.sessions import MOST_PER_USER, WRITE_EVERY, Sessions
from edged.access.subject import Subject, User
from edged.errors import AccessError, StoreError
from edged.store import Store

ANNA = User(name="anna", role="admin")
EVE = User(name="eve", role="viewer", cameras=frozenset({"porch"}))
DAY = 86400.0
LIFETIME = 30 * DAY


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "edged.sqlite3")
    for name, role, everything in (("anna", "admin", 1), ("eve", "viewer", 0)):
        await opened.write(
            "INSERT INTO user (name, role, password, all_cameras, created_at) VALUES (?, ?, '', ?, 0)",
            (name, role, everything),
        )
    await opened.write("INSERT INTO camera_grant (user, camera) VALUES ('eve', 'porch')")
    yield opened
    await opened.close()


@pytest.fixture
async def sessions(store: Store, clock: Clock) -> Sessions:
    return await again(store, clock)


async def again(store: Store, clock: Clock) -> Sessions:
    """As after a restart."""
    return await Sessions.open(store=store, lifetime=LIFETIME, clock=clock)


def found(sessions: Sessions, token: str) -> Subject:
    subject = sessions.lookup(token)
    assert subject is not None
    return subject


async def test_a_token_tells_who_it_is_also_after_a_restart(
    store: Store, clock: Clock, sessions: Sessions
) -> None:
    admin, viewer = await sessions.create(ANNA), await sessions.create(EVE)

    for known in (sessions, await again(store, clock)):
        assert found(known, admin).kind == "admin"
        assert found(known, admin).cameras is None
        assert found(known, viewer).user == "eve"
        assert found(known, viewer).cameras == {"porch"}


async def test_tokens_have_256_bits_and_are_kept_hashed(
    store: Store, sessions: Sessions, tmp_path: Path
) -> None:
    tokens = {await sessions.create(ANNA) for _ in range(5)}

    assert len(tokens) == 5
    assert all(len(token) == 43 for token in tokens)
    rows = await store.read("SELECT id, token_hash FROM session")
    assert {token_hash for _, token_hash in rows} == {hashlib.sha256(t.encode()).digest() for t in tokens}
    assert {found(sessions, token).session for token in tokens} == {session_id for session_id, _ in rows}
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240
    assert not any(token.encode() in held for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 100_000, "\ud800", "\0"])
async def test_any_other_token_is_nobody(sessions: Sessions, token: str) -> None:
    await sessions.create(ANNA)

    assert sessions.lookup(token) is None


async def test_revoking_is_seen_at_once_by_lookups_and_subscribers(
    store: Store, clock: Clock, sessions: Sessions
) -> None:
    token, other = await sessions.create(ANNA), await sessions.create(ANNA)
    subject = found(sessions, token)
    told: list[tuple[str, bool]] = []
    sessions.subscribe(lambda session_id: told.append((session_id, sessions.lookup(token) is None)))

    await sessions.revoke(subject.session)

    assert told == [(subject.session, True)]
    assert sessions.lookup(other)
    assert (await again(store, clock)).lookup(token) is None
    await sessions.revoke(subject.session)
    await sessions.revoke("never was")
    assert len(told) == 1


async def test_subscribers_are_told_before_the_disk_is_asked(store: Store, sessions: Sessions) -> None:
    token = await sessions.create(ANNA)
    told: list[str] = []
    sessions.subscribe(told.append)
    began, finish = trio.Event(), trio.Event()

    def hang(_connection: object) -> None:
        trio.from_thread.run_sync(began.set)
        trio.from_thread.run(finish.wait)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.transact, hang)
        await began.wait()
        nursery.start_soon(sessions.revoke, found(sessions, token).session)
        await trio.testing.wait_all_tasks_blocked()
        assert len(told) == 1
        assert sessions.lookup(token) is None
        finish.set()


async def test_a_subscriber_that_fails_keeps_no_other_from_being_told(sessions: Sessions) -> None:
    token = await sessions.create(ANNA)
    told: list[str] = []

    def fail(_session_id: str) -> None:
        raise RuntimeError

    sessions.subscribe(fail)
    out = sessions.subscribe(told.append)
    await sessions.revoke(found(sessions, token).session)
    assert len(told) == 1

    out()
    out()
    await sessions.revoke_user("anna")
    assert len(told) == 1


async def test_all_sessions_of_one_user_end_and_no_others(sessions: Sessions) -> None:
    tokens = [await sessions.create(ANNA) for _ in range(3)]
    other = await sessions.create(EVE)

    await sessions.revoke_user("anna")

    assert [sessions.lookup(token) for token in tokens] == [None] * 3
    assert sessions.lookup(other)


async def test_signing_in_again_ends_the_session_before(sessions: Sessions) -> None:
    old = await sessions.create(ANNA)

    new = await sessions.create(ANNA, replaces=old)

    assert sessions.lookup(old) is None
    assert sessions.lookup(new)


async def test_a_session_ends_when_its_time_is_over_and_each_use_moves_that(
    sessions: Sessions, clock: Clock
) -> None:
    used, unused = await sessions.create(ANNA), await sessions.create(ANNA)
    clock.now += LIFETIME - 1
    assert sessions.lookup(used)

    clock.now += 1

    assert sessions.lookup(unused) is None
    assert sessions.lookup(used)
    clock.now += LIFETIME
    assert sessions.lookup(used) is None


async def test_a_clock_that_once_was_far_ahead_leaves_no_session_for_ever(
    store: Store, clock: Clock, sessions: Sessions
) -> None:
    clock.now += 100 * 365 * DAY
    token = await sessions.create(ANNA)
    clock.now -= 100 * 365 * DAY

    assert sessions.lookup(token)
    clock.now += LIFETIME

    assert sessions.lookup(token) is None


YEAR = 365 * DAY


async def kept(store: Store) -> list[tuple[float, ...]]:
    return await store.read("SELECT created_at, seen_at, expires_at FROM session")


async def one_pass(sessions: Sessions, store: Store, times: tuple[float, ...]) -> None:
    """Let `run` look once, until these times of the only session are on disk."""
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        while await kept(store) != [times]:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("years", [1 / 365, 5, 100])
@pytest.mark.parametrize("restarted", [False, True])
async def test_session_made_while_the_clock_was_ahead_ends_in_its_time_though_nobody_uses_it(
    store: Store, clock: Clock, sessions: Sessions, years: float, restarted: bool
) -> None:
    clock.now += years * YEAR
    token = await sessions.create(ANNA)
    clock.now -= years * YEAR
    if restarted:
        sessions = await again(store, clock)
    await one_pass(sessions, store, (clock.now, clock.now, clock.now + LIFETIME))

    clock.now += LIFETIME - 1
    assert (await again(store, clock))._by_hash
    clock.now += 1
    assert (await again(store, clock)).lookup(token) is None


async def test_times_that_were_brought_back_are_written_once_the_disk_takes_them(
    store: Store,
    clock: Clock,
    sessions: Sessions,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock.now += YEAR
    await sessions.create(ANNA)
    clock.now -= YEAR
    await refuse(store, "UPDATE")
    await nursery.start(sessions.run)
    while "last uses of sessions are not written" not in caplog.text:  # noqa: ASYNC110  # a log has no bell
        await trio.sleep(1)

    await accept(store)
    await trio.sleep(61)

    await until(store, "SELECT expires_at FROM session", clock.now + LIFETIME)


@pytest.mark.parametrize("used", [False, True])
async def test_box_that_begins_in_the_past_signs_nobody_out_when_it_learns_the_time(
    store: Store, clock: Clock, sessions: Sessions, used: bool
) -> None:
    token = await sessions.create(ANNA)
    made = clock.now
    clock.now -= YEAR
    sessions = await Sessions.open(store=store, lifetime=LIFETIME, clock=clock, steady=lambda: 7.0)
    await one_pass(sessions, store, (clock.now, clock.now, clock.now + LIFETIME))
    if used:
        assert sessions.lookup(token)

    clock.now = made + DAY

    await one_pass(sessions, store, (made, made, made + LIFETIME))
    assert sessions.lookup(token)
    clock.now += LIFETIME
    assert sessions.lookup(token) is None


async def test_time_that_passes_proves_no_clock_to_have_been_behind(
    store: Store, clock: Clock, sessions: Sessions
) -> None:
    begun = clock.now
    clock.now += 20 * DAY
    token = await sessions.create(ANNA)
    clock.now = begun
    sessions = await Sessions.open(store=store, lifetime=LIFETIME, clock=clock, steady=lambda: clock.now)
    for _ in range(30):
        clock.now += DAY

    assert sessions.lookup(token) is None


@pytest.mark.parametrize(("lifetime", "oldest"), [(DAY, 10 * DAY), (90 * DAY, 365 * DAY)])
async def test_a_session_ends_at_its_age_however_it_is_used(
    store: Store, clock: Clock, lifetime: float, oldest: float
) -> None:
    sessions = await Sessions.open(store=store, lifetime=lifetime, clock=clock)
    token, end = await sessions.create(ANNA), clock.now + oldest
    while clock.now + lifetime / 2 < end:
        clock.now += lifetime / 2
        assert sessions.lookup(token)

    clock.now = end - 1
    assert sessions.lookup(token)
    clock.now = end
    assert sessions.lookup(token) is None


async def test_a_sessions_age_survives_a_restart(store: Store, clock: Clock, sessions: Sessions) -> None:
    token = await sessions.create(ANNA)
    # As an earlier edged left it: used every day for a year.
    clock.now += 366 * DAY
    await store.write("UPDATE session SET seen_at = ?, expires_at = ?", (clock.now, clock.now + LIFETIME))

    assert (await again(store, clock)).lookup(token) is None


async def test_uses_are_written_at_most_once_an_hour(
    store: Store,
    clock: Clock,
    sessions: Sessions,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> None:
    token = await sessions.create(ANNA)
    begun = clock.now
    await nursery.start(sessions.run)
    await store.write("CREATE TABLE written (seen_at REAL)")
    await store.write(
        "CREATE TRIGGER spy AFTER UPDATE ON session BEGIN INSERT INTO written VALUES (new.seen_at); END"
    )

    for minute in range(130):
        clock.now += 60
        sessions.lookup(token)
        await trio.sleep(60)
        if minute % 60 == 59:
            await until(store, "SELECT max(seen_at) FROM written", clock.now)

    assert await store.read("SELECT seen_at FROM written") == [
        (begun + WRITE_EVERY,),
        (begun + 2 * WRITE_EVERY,),
    ]


async def test_a_used_session_outlives_a_restart_by_its_whole_time(
    store: Store,
    clock: Clock,
    sessions: Sessions,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> None:
    token = await sessions.create(ANNA)
    await nursery.start(sessions.run)
    clock.now += LIFETIME - 10
    assert sessions.lookup(token)
    await trio.sleep(61)
    await until(store, "SELECT seen_at FROM session", clock.now)

    clock.now += LIFETIME - 10

    assert (await again(store, clock)).lookup(token)


async def test_expiry_is_told_to_subscribers_and_leaves_the_database(
    store: Store,
    clock: Clock,
    sessions: Sessions,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> None:
    token = await sessions.create(ANNA)
    session_id = found(sessions, token).session
    told: list[str] = []
    sessions.subscribe(told.append)
    await nursery.start(sessions.run)
    await trio.sleep(120)
    assert told == []

    clock.now += LIFETIME
    await trio.sleep(61)

    assert told == [session_id]
    await until(store, "SELECT count(*) FROM session", 0)


async def test_the_oldest_unused_session_ends_when_there_are_too_many(
    sessions: Sessions, clock: Clock
) -> None:
    first = await sessions.create(ANNA)
    second = await sessions.create(ANNA)
    other = await sessions.create(EVE)
    clock.now += 10
    sessions.lookup(first)
    for _ in range(MOST_PER_USER - 1):
        clock.now += 1
        await sessions.create(ANNA)

    assert sessions.lookup(second) is None
    assert sessions.lookup(first)
    assert sessions.lookup(other)


async def until(store: Store, sql: str, value: float) -> None:
    """Wait for a thread to have written; the mock clock does not wait for threads."""
    # A thread writes it, so this takes real time, whatever the clock of the test says.
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if await store.read(sql) == [(value,)]:
            return
    pytest.fail(f"{sql} does not become {value}")


async def refuse(store: Store, what: str) -> None:
    """Let the database refuse a kind of change, as a full disk would."""
    await store.transact(
        lambda c: c.execute(
            f"CREATE TRIGGER no BEFORE {what} ON session BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
        )
    )


async def accept(store: Store) -> None:
    await store.write("DROP TRIGGER no")


async def test_people_can_still_sign_out_for_good_when_the_disk_was_full(
    store: Store,
    clock: Clock,
    sessions: Sessions,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> None:
    token = await sessions.create(ANNA)
    await nursery.start(sessions.run)
    await refuse(store, "DELETE")

    await sessions.revoke(found(sessions, token).session)

    assert sessions.lookup(token) is None
    assert (await again(store, clock)).lookup(token) is not None  # a restart now would forget it
    await accept(store)
    await trio.sleep(61)
    await until(store, "SELECT count(*) FROM session", 0)


async def test_end_that_the_disk_does_not_take_is_tried_every_10_s_and_told_ever_more_rarely(
    sessions: Sessions,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token, tries = await sessions.create(ANNA), [0]

    async def full(work: object) -> object:
        tries[0] += 1
        raise StoreError("the disk is full")

    monkeypatch.setattr(sessions._store, "transact", full)
    await sessions.revoke(found(sessions, token).session)
    await nursery.start(sessions.run)
    await trio.sleep(3600)

    told = [record for record in caplog.records if "ended sessions" in record.getMessage()]
    assert tries[0] > 350
    assert len(told) < 12
    assert sessions.unended == 1


async def test_people_can_still_sign_in_when_the_store_is_closed(store: Store, sessions: Sessions) -> None:
    await store.close()

    token = await sessions.create(ANNA)

    assert found(sessions, token).user == "anna"


async def test_a_user_removed_meanwhile_gets_no_session(sessions: Sessions) -> None:
    with pytest.raises(AccessError):
        await sessions.create(User(name="gone", role="admin"))

    assert sessions._by_hash == {}


async def test_ending_all_sessions_while_one_is_being_made_ends_that_too(
    store: Store, clock: Clock, sessions: Sessions
) -> None:
    tokens: list[str] = []
    began, finish = trio.Event(), trio.Event()

    def hang(_connection: object) -> None:
        trio.from_thread.run_sync(began.set)
        trio.from_thread.run(finish.wait)

    async def create() -> None:
        tokens.append(await sessions.create(ANNA))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.transact, hang)
        await began.wait()
        nursery.start_soon(create)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(sessions.revoke_user, "anna")
        await trio.testing.wait_all_tasks_blocked()
        finish.set()

    assert sessions.lookup(tokens[0]) is None
    assert (await again(store, clock)).lookup(tokens[0]) is None


async def test_changed_grants_are_seen_at_once(sessions: Sessions) -> None:
    token = await sessions.create(EVE)
    session_id = found(sessions, token).session

    sessions.update(User(name="eve", role="viewer", cameras=frozenset({"garden"})))

    assert found(sessions, token) == Subject(
        kind="viewer", user="eve", session=session_id, cameras=frozenset({"garden"})
    )

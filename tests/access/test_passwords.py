"""Passwords are slow to try, few at a time, and unknown users look like known ones."""

import sys

import pytest
import trio
import trio.testing

from edged.access import passwords as room
from edged.access.passwords import Passwords
from edged.access.throttle import Throttled


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(time_cost=1, memory_kib=8)


async def test_the_right_password_is_right_and_no_other(passwords: Passwords) -> None:
    encoded = await passwords.hash("correct horse")

    assert encoded.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert "correct" not in encoded
    assert await passwords.verify(encoded, "correct horse")
    assert not await passwords.verify(encoded, "correct horsf")
    assert not await passwords.verify(encoded, "")


async def test_what_is_shipped_is_the_lightest_setting_of_owasp() -> None:
    encoded = await Passwords().hash("correct horse")

    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


@pytest.mark.parametrize("password", ["", "x" * 2000, "\ud800", "\0"])
async def test_no_password_is_right_for_nobody(passwords: Passwords, password: str) -> None:
    assert not await passwords.verify(None, password)


async def test_nobody_costs_a_hash_of_the_same_parameters(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    matches = passwords._matches
    monkeypatch.setattr(
        passwords, "_matches", lambda encoded, word: tried.append(encoded) or matches(encoded, word)
    )

    await passwords.verify(None, "correct horse")
    await passwords.verify(await passwords.hash("another one"), "x" * 2000)

    assert len(tried) == 2
    assert all(encoded.startswith("$argon2id$v=19$m=8,t=1,p=1$") for encoded in tried)
    assert not passwords.outdated(tried[0])


@pytest.mark.parametrize("encoded", ["", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "$argon2id$\ud800"])
async def test_a_damaged_hash_is_a_wrong_password(passwords: Passwords, encoded: str) -> None:
    assert not await passwords.verify(encoded, "correct horse")


async def test_a_hash_of_other_parameters_is_still_right_but_outdated(passwords: Passwords) -> None:
    encoded = await Passwords(time_cost=2, memory_kib=8).hash("correct horse")

    assert await passwords.verify(encoded, "correct horse")
    assert passwords.outdated(encoded)
    assert not passwords.outdated(await passwords.hash("correct horse"))


async def test_two_are_tried_at_once_a_few_wait_and_the_rest_is_refused(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, refused, done = 0, 0, 0, 0
    release = trio.Event()

    async def slow(*_args: object, limiter: trio.CapacityLimiter) -> bool:
        nonlocal running, most
        async with limiter:
            running += 1
            most = max(most, running)
            await release.wait()
            running -= 1
        return False

    monkeypatch.setattr(room.trio.to_thread, "run_sync", slow)

    async def one() -> None:
        nonlocal refused, done
        try:
            await passwords.verify(None, "x")
            done += 1
        except Throttled:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(one)
        await trio.testing.wait_all_tasks_blocked()
        assert most == room.AT_ONCE
        release.set()

    assert done == room.AT_ONCE + room.WAITING
    assert refused == 30 - done
    assert not await passwords.verify(None, "x")


MEASURE = """
import trio
from edged.access.passwords import Passwords

def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

async def main() -> None:
    passwords = Passwords()
    before = resident()
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(passwords.verify, None, "x")
    print((resident() - before) >> 20)

trio.run(main)
"""


async def test_the_memory_of_a_hash_is_given_back() -> None:
    done = await trio.run_process([sys.executable, "-c", MEASURE], capture_stdout=True)

    assert int(done.stdout) < 10, "MiB more than before the first hash"

"""A browser that signed in once proves it later; nobody else can, and nothing tells which names exist."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing
from access.code_house import DAY, PASSWORD, House, open_house

from edged.access.devices import LASTS, MOST_PER_USER
from edged.access.throttle import BY_ACCOUNT, BY_ADDRESS, Throttled
from edged.errors import AccessError, StoreError

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.5"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as made:
        yield made


async def sign_in(house: House, device: str = "", name: str = "eve", address: str = HERE) -> str:
    """What the browser keeps after signing in."""
    user = await house.accounts.login(name, PASSWORD, address, device=device)
    return await house.accounts.remember_device(user, device)


async def seconds(house: House, name: str, *, device: str = "", address: str = HERE) -> float:
    """How long a wrong guess takes, but for the work."""
    began = trio.current_time()
    with pytest.raises(AccessError, match="not right"):
        await house.accounts.login(name, "wrong password", address, device=device)
    return round(trio.current_time() - began, 3)


async def test_a_name_that_signed_in_from_my_network_is_as_slow_as_one_that_nobody_has(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    await sign_in(house)
    told = {}
    for network, name in ((1, "eve"), (2, "ghost")):
        address = f"2001:db8:0:{network}::"
        await house.accounts.login("anna", PASSWORD, address + "1")
        told[name] = [await seconds(house, name, address=f"{address}{n:x}") for n in range(1, 10)]

    assert told["eve"] == told["ghost"] == [0] * BY_ACCOUNT.free + [1, 2, 4, 4]


async def test_the_owners_browser_enters_at_once_while_others_guess_from_everywhere(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    device = await sign_in(house)
    for number in range(60):
        await seconds(house, "eve", address=f"198.51.100.{number}")
    for _ in range(10):
        await seconds(house, "ghost", address=HERE)
    with pytest.raises(Throttled):
        await house.accounts.login("eve", PASSWORD, HERE)
    began = trio.current_time()

    assert await sign_in(house, device) == device
    assert trio.current_time() == began


async def test_the_proof_counts_for_its_own_account_only(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    device = await sign_in(house, name="bob")
    for number in range(BY_ACCOUNT.free):
        await seconds(house, "eve", address=f"198.51.100.{number}")
        await seconds(house, "ghost", address=f"198.51.101.{number}")

    for forged in (device, "x" * 43, "\ud800", "x" * 10_000):
        assert await seconds(house, "eve", device=forged, address=ELSEWHERE) > 0
        assert await seconds(house, "ghost", device=forged, address="203.0.113.6") > 0


async def test_of_two_people_at_one_browser_none_keeps_the_others_proof(house: House) -> None:
    eves = await sign_in(house)
    bobs = await sign_in(house, eves, name="bob")

    assert bobs != eves
    assert [house.accounts.knows_device("eve", device) for device in (eves, bobs)] == [True, False]
    assert [house.accounts.knows_device("bob", device) for device in (eves, bobs)] == [False, True]


async def test_who_copied_the_proof_does_not_lock_its_owner_out(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    device = await sign_in(house)
    for _ in range(BY_ADDRESS.free):
        await seconds(house, "eve", device=device, address=ELSEWHERE)
    for _ in range(BY_ADDRESS.free):
        await seconds(house, "eve", device=device, address="203.0.113.6")
    began = trio.current_time()

    assert await sign_in(house, device) == device
    assert trio.current_time() - began <= BY_ACCOUNT.longest


async def test_a_proof_that_somebody_planted_is_not_taken_over(house: House) -> None:
    assert await sign_in(house, "planted" * 6) != "planted" * 6
    assert not house.accounts.knows_device("eve", "planted" * 6)


async def test_a_restart_keeps_it_and_the_database_does_not_hold_it(house: House) -> None:
    device = await sign_in(house)
    again = await house.again()

    assert again.accounts.knows_device("eve", device)
    await house.store.close()
    folder = house.store.path.parent
    assert not any(device.encode() in path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_each_account_has_so_many_and_those_brought_again_go_last(house: House) -> None:
    used = await sign_in(house)
    house.clock.go_on(1)
    await sign_in(house, used)
    others = []
    for _ in range(MOST_PER_USER + 5):
        house.clock.go_on(1)
        others.append(await sign_in(house))

    known = [device for device in (used, *others) if house.accounts.knows_device("eve", device)]
    assert known == [used, *others[-MOST_PER_USER + 1 :]]
    assert await house.store.read("SELECT count(*) FROM device") == [(MOST_PER_USER,)]


async def test_it_ends_a_year_after_it_was_brought_last(house: House) -> None:
    device = await sign_in(house)
    house.clock.go_on(LASTS - DAY)
    assert await sign_in(house, device) == device
    house.clock.go_on(LASTS - DAY)
    assert house.accounts.knows_device("eve", device)
    house.clock.go_on(DAY)

    assert not house.accounts.knows_device("eve", device)
    assert await sign_in(house, device) != device


@pytest.mark.parametrize("end", ["password", "sign-out", "disable", "remove"])
async def test_what_signs_somebody_out_everywhere_ends_it(house: House, end: str) -> None:
    device = await sign_in(house)
    others = await sign_in(house, name="bob")
    match end:
        case "password":
            await house.accounts.set_password("eve", "another sentence")
        case "sign-out":
            await house.accounts.sign_out_everywhere("eve")
        case "disable":
            await house.accounts.set_disabled("eve", True)
        case "remove":
            await house.accounts.remove_user("eve")

    for each in (house, await house.again()):
        assert not each.accounts.knows_device("eve", device)
        assert each.accounts.knows_device("bob", others)


async def test_a_full_disk_keeps_nobody_from_signing_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(work: object) -> object:
        raise StoreError("the disk is full")

    user = await house.accounts.login("eve", PASSWORD, HERE)
    monkeypatch.setattr(house.store, "transact", full)

    assert house.accounts.knows_device("eve", await house.accounts.remember_device(user, ""))

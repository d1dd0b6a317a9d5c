"""Who signs somebody out everywhere may also take back what they shared: at once, for good, and told."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from access.code_house import ANNA, BOB, EVE, PASSWORD, House, open_house

from edged.access.codes import Codes
from edged.errors import StoreError


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as made:
        yield made


async def sign_out(house: House, way: str, *, revoke: bool) -> None:
    """Have eve's sessions end."""
    match way:
        case "signed out":
            await house.accounts.sign_out_everywhere("eve", revoke_codes=revoke, by="anna")
        case "reset":
            await house.accounts.change("eve", password="another sentence", revoke_codes=revoke, by="anna")
        case "own password":
            await house.accounts.change_own_password("eve", PASSWORD, "another sentence", revoke_codes=revoke)


WAYS = pytest.mark.parametrize("way", ["signed out", "reset", "own password"])


@WAYS
async def test_what_was_shared_stays_shared_unless_asked_for(house: House, way: str) -> None:
    _, words = await house.share(EVE, "porch")

    await sign_out(house, way, revoke=False)

    assert house.opens(words) == {"porch"}
    assert (await house.again()).opens(words) == {"porch"}


@WAYS
async def test_what_that_account_shared_is_dark_at_once_and_after_a_restart(house: House, way: str) -> None:
    shared = [await house.share(EVE, "porch"), await house.share(EVE, "garden", lasts=None)]
    _, others = await house.share(BOB, "porch")
    told: list[str] = []
    house.codes.subscribe(told.append)

    await sign_out(house, way, revoke=True)

    assert sorted(told) == sorted(code for code, _ in shared)
    for each in (house, await house.again()):
        assert [each.opens(words) for _, words in shared] == [set(), set()]
        assert each.opens(others) == {"porch"}
        assert {code.state for code in each.codes.list(EVE)} == {"revoked"}


async def test_a_code_that_has_expired_stays_expired(house: House) -> None:
    code, words = await house.share(EVE, "porch", lasts=10)
    house.clock.go_on(11)
    assert house.codes.lookup(words) is None

    await sign_out(house, "signed out", revoke=True)

    assert [(each.id, each.state) for each in house.codes.list(EVE)] == [(code, "expired")]


async def test_a_code_that_is_being_made_meanwhile_is_taken_back_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, reached, go_on = house.store.transact, trio.Event(), trio.Event()

    async def slowly(work: object) -> object:
        done = await transact(work)  # type: ignore[arg-type, var-annotated]
        if not reached.is_set():
            reached.set()
            await go_on.wait()
        return done

    monkeypatch.setattr(house.store, "transact", slowly)
    made: list[str] = []

    async def share() -> None:
        made.append((await house.share(EVE, "porch"))[1])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(share)
        await reached.wait()
        await sign_out(house, "signed out", revoke=True)
        go_on.set()

    assert house.opens(made[0]) == set()
    assert (await house.again()).opens(made[0]) == set()


async def test_the_journal_tells_each_code_and_who_took_it_back(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    code, _ = await house.share(EVE, "porch")
    with caplog.at_level(logging.INFO):
        await sign_out(house, "signed out", revoke=True)

    told = [(r.EVENT, r.USER, r.BY, r.CODE) for r in caplog.records if hasattr(r, "EVENT")]  # type: ignore[attr-defined]
    assert told == [("signed_out", "eve", "anna", None), ("code_revoked", "eve", "anna", code)]


async def test_a_full_disk_keeps_nothing_open(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, words = await house.share(EVE, "porch")
    transact = house.store.transact

    async def full(work: object) -> object:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "transact", full)
    await sign_out(house, "signed out", revoke=True)
    assert house.opens(words) == set()
    assert house.codes.unended == 1

    monkeypatch.setattr(house.store, "transact", transact)
    await house.codes._writer.ends()
    assert (await Codes.open(store=house.store, clock=house.clock)).lookup(words) is None
    assert house.codes.list(ANNA)[0].state == "revoked"


async def test_end_that_the_disk_does_not_take_is_told_ever_more_rarely(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code, _ = await house.share(EVE, "porch")

    async def full(work: object) -> object:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "transact", full)
    await house.codes.revoke(code, ANNA)
    for _ in range(360):
        house.clock.go_on(10)
        await house.codes._writer.due()

    told = [r.getMessage() for r in caplog.records if "ends of access codes" in r.getMessage()]
    assert len(told) == 9  # an hour, from 10 s to 21 minutes apart
    assert "the disk is full" in told[0]
    assert told[-1].endswith("(127 more before it)")

"""A code opens what its owner may still share, until its end, and nothing a moment longer."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing
from access.code_house import ANNA, BOB, DAY, EVE, House, open_house, video

from edged.access.code_record import MOST_DESCRIPTION
from edged.access.code_room import MOST_OF_ONE
from edged.access.code_writing import LISTED, WRITE_USES_EVERY
from edged.access.policy import may
from edged.access.subject import NOBODY, ROOT, Item, Subject
from edged.access.throttle import Throttled
from edged.access.values import Unacceptable
from edged.errors import AccessError, StoreError

HERE = "192.0.2.1"
OWN = "correct horse battery staple"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


def ends_of(house: House) -> list[str]:
    told: list[str] = []
    house.codes.subscribe(told.append)
    return told


async def test_a_code_opens_its_items_however_it_is_typed(house: House) -> None:
    code, words = await house.codes.create(
        EVE, description=" Grandma ", items=video("porch"), expires_at=house.clock() + DAY, most_viewers=2
    )

    guest = house.codes.lookup(words.lower().replace("-", " "))

    assert guest == Subject(kind="guest", code=code.id, items=frozenset(video("porch")))
    assert may(guest, "watch", "porch")
    assert not may(guest, "watch", "garden")
    assert not may(guest, "recordings", "porch")
    assert (code.description, code.owner, code.state) == ("Grandma", "eve", "active")
    assert house.codes.most_viewers(code.id) == 2
    assert house.codes.subject(code.id) == guest


async def test_words_are_kept_nowhere(house: House) -> None:
    code, words = await house.codes.create(
        EVE, description="x", items=video("porch"), expires_at=None, words=OWN
    )
    _, made = await house.share(ANNA, "hall")
    await house.store.close()

    kept = b"".join(path.read_bytes() for path in house.store.path.parent.iterdir() if path.is_file())
    for secret in (OWN, OWN.replace(" ", ""), "battery", words, made, made.replace("-", "")):
        assert secret.lower().encode() not in kept.lower()
    assert code.hint == "LE"


async def test_codes_survive_a_restart(house: House) -> None:
    code_id, words = await house.share(EVE, "porch", "garden")
    before = house.codes.list(ANNA)

    again = await house.again()

    assert again.codes.list(ANNA) == before
    assert again.opens(words) == {"porch", "garden"}
    assert again.codes.get(code_id) is not None


@pytest.mark.parametrize("slug", ["hall", "no-such-camera", "", "x" * 5000])
async def test_nobody_shares_what_they_may_not_watch_and_learns_what_there_is(
    house: House, slug: str
) -> None:
    with pytest.raises(AccessError) as refused:
        await house.share(EVE, "porch", slug)
    assert str(refused.value) == "There is no such camera, or you may not share it."
    assert house.codes.list(ANNA) == ()


@pytest.mark.parametrize(
    "asker",
    [
        NOBODY,
        Subject(kind="guest", code="x", items=frozenset(video("porch"))),
        Subject(kind="admin", user="gone", session="9", cameras=None),
        Subject(kind="admin", user="root", session="stolen", cameras=None),
        Subject(kind="admin", cameras=None),
    ],
)
async def test_who_has_no_account_shares_nothing(house: House, asker: Subject) -> None:
    with pytest.raises(AccessError):
        await house.share(asker, "porch")


async def test_root_shares_by_the_control_socket_and_only_admins_see_it(house: House) -> None:
    _, words = await house.share(ROOT, "hall")
    assert house.opens(words) == {"hall"}
    assert [code.owner for code in house.codes.list(ANNA)] == [""]
    assert house.codes.list(BOB) == house.codes.list(Subject(kind="viewer")) == ()
    assert (await house.again()).opens(words) == {"hall"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"items": []}, "media_items"),
        ({"description": "x" * (MOST_DESCRIPTION + 1)}, "description"),
        ({"description": "two\nlines"}, "description"),
        ({"expires_at": 1.0}, "expires_at"),
        ({"expires_at": float("nan")}, "expires_at"),
        ({"expires_at": float("inf")}, "expires_at"),
        ({"expires_at": 1e300}, "expires_at"),
        ({"most_viewers": 0}, "most_viewers"),
        ({"most_viewers": 1001}, "most_viewers"),
        ({"words": "porch-porch-2026"}, "code"),
        ({"words": ""}, "code"),
    ],
)
async def test_a_value_that_cannot_be_taken_is_named(
    house: House, values: dict[str, object], field: str
) -> None:
    asked = {"description": "x", "items": video("porch"), "expires_at": None, **values}
    with pytest.raises(Unacceptable) as refused:
        await house.codes.create(EVE, **asked)  # type: ignore[arg-type]
    assert refused.value.field == field


# --- what the owner loses, the code loses


async def test_a_code_shrinks_with_its_owners_rights_and_grows_again(house: House) -> None:
    code_id, words = await house.share(EVE, "porch", "garden")
    told = ends_of(house)

    await house.accounts.set_cameras("eve", ["garden", "hall"])
    assert house.opens(words) == {"garden"}
    assert told == [code_id]

    await house.accounts.set_cameras("eve", [])
    assert house.codes.lookup(words) is None
    assert house.codes.subject(code_id) is None
    assert [code.state for code in house.codes.list(EVE)] == ["owner-lost"]
    assert told == [code_id] * 2

    await house.accounts.set_cameras("eve", None)
    assert house.opens(words) == {"porch", "garden"}
    assert told == [code_id] * 2


async def test_a_disabled_owners_codes_open_nothing_while_it_lasts(house: House) -> None:
    code_id, words = await house.share(BOB, "hall", lasts=None)
    told = ends_of(house)

    await house.accounts.set_disabled("bob", True)
    assert house.codes.lookup(words) is None
    assert told == [code_id]
    assert (await house.again()).codes.lookup(words) is None
    with pytest.raises(AccessError):
        await house.share(BOB, "hall")

    await house.accounts.set_disabled("bob", False)
    assert house.opens(words) == {"hall"}


async def test_an_admin_who_becomes_a_viewer_shares_like_one(house: House) -> None:
    await house.accounts.create_user(username="carl", password=OWN, role="admin")
    _, words = await house.share(Subject(kind="admin", user="carl", session="5", cameras=None), "hall")

    await house.accounts.set_role("carl", "viewer")
    assert house.opens(words) == {"hall"}
    await house.accounts.set_cameras("carl", ["porch"])
    assert house.opens(words) == set()


async def test_a_removed_owners_codes_never_come_back_for_one_of_the_same_name(house: House) -> None:
    code_id, words = await house.share(EVE, "porch", lasts=None)
    told = ends_of(house)

    await house.accounts.remove_user("eve")
    assert house.codes.lookup(words) is None
    assert told == [code_id]
    await house.accounts.create_user(username="eve", password=OWN, role="admin")

    assert house.codes.lookup(words) is None
    assert house.codes.list(ANNA) == (await house.again()).codes.list(ANNA) == ()


# --- ends


async def test_a_revoked_code_is_refused_at_once_and_for_ever(house: House) -> None:
    code_id, words = await house.share(EVE, "porch")
    told = ends_of(house)

    await house.codes.revoke(code_id, EVE)

    assert told == [code_id]
    assert house.codes.lookup(words) is None
    assert (await house.again()).codes.lookup(words) is None
    with pytest.raises(AccessError, match="revoked"):
        await house.codes.renew(code_id, EVE, None)
    await house.codes.revoke(code_id, EVE)
    assert told == [code_id]


async def test_a_code_is_revoked_by_its_words_and_by_any_admin(house: House) -> None:
    _, words = await house.share(EVE, "porch")
    await house.codes.revoke(words.lower(), ANNA)
    assert house.codes.lookup(words) is None


@pytest.mark.parametrize("by", [BOB, NOBODY, Subject(kind="guest", code="x"), Subject(kind="viewer")])
async def test_nobody_else_revokes_renews_or_learns_of_a_code(house: House, by: Subject) -> None:
    code_id, words = await house.share(EVE, "porch")
    for known in (code_id, words, "unknown"):
        with pytest.raises(AccessError, match="There is no such access code"):
            await house.codes.revoke(known, by)
    with pytest.raises(AccessError, match="There is no such access code"):
        await house.codes.renew(code_id, by, None)
    with pytest.raises(AccessError, match="There is no such access code"):
        await house.codes.change_words(code_id, by)
    assert house.codes.list(by) == ()
    assert house.opens(words) == {"porch"}


async def test_a_revoked_code_stays_so_while_the_disk_refuses_and_is_written_later(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code_id, words = await house.share(EVE, "porch")
    transact = house.store.transact

    async def full(change: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "transact", full)
    await house.codes.revoke(code_id, EVE)
    assert house.codes.lookup(words) is None
    assert "trying again" in caplog.text
    assert house.codes.unended == 1
    assert (await house.again()).opens(words) == {"porch"}

    monkeypatch.setattr(house.store, "transact", transact)
    house.clock.go_on(20.0)
    await house.codes._writer.due()
    assert house.codes.unended == 0
    assert (await house.again()).opens(words) == set()


async def test_an_expired_code_is_refused_from_its_second_on(house: House) -> None:
    code_id, words = await house.share(EVE, "porch", lasts=60.0)
    told = ends_of(house)
    house.clock.go_on(59.999)
    assert house.opens(words) == {"porch"}

    house.clock.go_on(0.001)

    assert house.codes.lookup(words) is None
    assert told == [code_id]
    assert [code.state for code in house.codes.list(EVE)] == ["expired"]


async def test_a_clock_that_goes_back_revives_nothing(house: House) -> None:
    _, words = await house.share(EVE, "porch", lasts=60.0)
    house.clock.now += 1000.0
    assert house.codes.lookup(words) is None
    await house.codes._writer.due()

    house.clock.now -= 5000.0

    assert house.codes.lookup(words) is None
    again = await house.again()
    assert again.codes.lookup(words) is None
    assert [code.state for code in again.codes.list(EVE)] == ["expired"]


async def test_those_who_watch_are_out_within_a_fifth_of_a_second(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        house.codes._clock = house.codes._shelf._clock = house.codes._writer._clock = trio.current_time
        begun = trio.current_time()
        ended: list[float] = []
        house.codes.subscribe(lambda _code: ended.append(trio.current_time() - begun))
        for lasts in (5.0, 0.35, 61.7):
            await house.codes.create(EVE, description="x", items=video("porch"), expires_at=begun + lasts)
        house.codes._writer.due = trio.lowlevel.checkpoint  # type: ignore[method-assign]  # threads do not wait for this clock
        await nursery.start(house.codes.run)
        await trio.sleep(100.0)
        nursery.cancel_scope.cancel()
    assert ended == pytest.approx([0.35, 5.0, 61.7], abs=0.2)


async def test_a_jump_of_the_clock_is_seen_within_a_second(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        await house.share(EVE, "porch", lasts=DAY)
        told = ends_of(house)
        house.codes._writer.due = trio.lowlevel.checkpoint  # type: ignore[method-assign]
        await nursery.start(house.codes.run)
        await trio.sleep(10.0)
        assert told == []
        house.clock.now += 2 * DAY
        await trio.sleep(1.1)
        assert len(told) == 1
        nursery.cancel_scope.cancel()


async def test_an_expired_code_is_renewed_with_the_same_words(house: House) -> None:
    code_id, words = await house.share(EVE, "porch", lasts=60.0)
    house.clock.go_on(100.0)
    assert house.codes.lookup(words) is None

    renewed = await house.codes.renew(code_id, EVE, house.clock() + 60.0)

    assert renewed.state == "active"
    assert house.opens(words) == (await house.again()).opens(words) == {"porch"}
    with pytest.raises(Unacceptable):
        await house.codes.renew(code_id, EVE, house.clock() - 1.0)
    house.clock.go_on(60.0)
    assert house.codes.lookup(words) is None


async def test_new_words_end_the_old_ones_and_whoever_is_in_by_them(house: House) -> None:
    code_id, words = await house.share(EVE, "porch")
    told = ends_of(house)

    fresh, new_words = await house.codes.change_words(code_id, EVE)

    assert told == [code_id]
    assert house.codes.subject(code_id) is None
    assert house.codes.lookup(words) is None
    assert house.opens(new_words) == (await house.again()).opens(new_words) == {"porch"}
    assert [code.id for code in house.codes.list(EVE)] == [fresh.id] != [code_id]


async def test_ended_codes_are_listed_for_a_month(house: House) -> None:
    code_id, _ = await house.share(EVE, "porch")
    await house.share(EVE, "garden", lasts=None)
    await house.codes.revoke(code_id, EVE)

    house.clock.go_on(LISTED - 1)
    await house.codes._writer.due()
    assert len(house.codes.list(EVE)) == 2
    house.clock.go_on(WRITE_USES_EVERY)
    await house.codes._writer.due()

    assert len(house.codes.list(EVE)) == len((await house.again()).codes.list(EVE)) == 1


# --- strangers


async def test_every_refusal_is_the_same(house: House, caplog: pytest.LogCaptureFixture) -> None:
    revoked_id, revoked = await house.share(EVE, "porch")
    _, expired = await house.share(EVE, "porch", lasts=1.0)
    _, lost = await house.share(BOB, "porch")
    await house.codes.revoke(revoked_id, EVE)
    house.clock.go_on(2.0)
    await house.accounts.set_disabled("bob", True)
    refusals = set()
    with caplog.at_level(logging.DEBUG):
        for words in (revoked, expired, lost, "never a code", "", "\ud800", "x" * 100_000):
            with pytest.raises(AccessError) as refused:
                house.codes.attempt(words, HERE)
            refusals.add((type(refused.value), str(refused.value)))
    assert refusals == {(AccessError, "This access code is not valid.")}
    assert house.audit.counts["code_refused"] == 7
    assert not [words for words in (revoked, expired, lost, "never") if words in caplog.text]


async def test_made_words_pass_whatever_others_do_behind_the_same_address(house: House) -> None:
    _, words = await house.share(EVE, "porch")
    judged = 0
    for number in range(500):
        try:
            house.codes.attempt(f"guess {number}", HERE)
        except Throttled:
            pass
        except AccessError:
            judged += 1
        assert house.codes.attempt(words, HERE).kind == "guest"
    assert judged == 20
    assert house.audit.counts["code_used"] == 1


async def test_own_words_are_not_guessed_in_a_flood_and_wait_for_seconds_only(house: House) -> None:
    await house.codes.create(EVE, description="x", items=video("porch"), expires_at=None, words=OWN)
    assert house.codes.attempt(OWN, "192.0.2.9").kind == "guest"
    for number in range(100):
        with pytest.raises(AccessError):
            house.codes.attempt(f"guess {number}", HERE)
        with pytest.raises(AccessError):
            house.codes.attempt(f"guess {number}", "192.0.2.9")

    with pytest.raises(Throttled) as unjudged:
        house.codes.attempt(OWN, HERE)
    assert house.codes.attempt(OWN, "192.0.2.9").kind == "guest"
    assert unjudged.value.retry_after <= 2.0
    house.clock.go_on(1.0)
    assert house.codes.attempt(OWN, HERE).kind == "guest"


async def choose(house: House, words: str) -> None:
    await house.codes.create(EVE, description="x", items=video("porch"), expires_at=None, words=words)


async def test_own_words_that_are_taken_cannot_be_found_out_by_making_codes(house: House) -> None:
    await house.codes.create(ANNA, description="x", items=video("hall"), expires_at=None, words=OWN)
    for number in range(5):
        with pytest.raises(Unacceptable, match="cannot be used"):
            await choose(house, OWN)
        await choose(house, f"wooden {number} spoon gravel")  # a free one takes no guess back
    for words in (OWN, "quiet marble onion fence"):
        with pytest.raises(Throttled, match="again in 60 minutes") as refused:
            await choose(house, words)
        assert refused.value.retry_after == 3600.0
    assert len(house.codes.list(ANNA)) == 6


@pytest.mark.parametrize("named", ["hall", "Hinterm Haus", "HINTERMHAUS"])
async def test_own_words_without_the_cameras_slug_and_name(house: House, named: str) -> None:
    house.codes._name_of = {"hall": "Hinterm Haus"}.__getitem__
    with pytest.raises(Unacceptable, match="camera's name"):
        await house.codes.create(
            ANNA, description="x", items=video("hall"), expires_at=None, words=f"marble onion fence {named}"
        )


async def test_new_words_for_a_code_are_counted_as_well_and_made_ones_are_not(house: House) -> None:
    code_id, _ = await house.share(EVE, "porch")
    for number in range(10):
        code, _ = await house.codes.change_words(code_id, EVE, f"wooden {number} spoon gravel")
        code_id = code.id
    with pytest.raises(Throttled):
        await house.codes.change_words(code_id, EVE, "quiet marble onion fence")
    await house.share(EVE, "porch")
    await house.codes.create(ANNA, description="x", items=video("hall"), expires_at=None, words=OWN)

    house.clock.go_on(3600.0)
    await choose(house, "quiet marble onion fence")


# --- how many, how often


async def test_the_last_use_is_known_at_once_and_written_seldom(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    code_id, words = await house.share(EVE, "porch")
    writes = 0
    transact = house.store.transact

    async def counting(change: object) -> object:
        nonlocal writes
        writes += 1
        return await transact(change)  # type: ignore[arg-type]

    monkeypatch.setattr(house.store, "transact", counting)
    for _ in range(1000):
        house.clock.go_on(1.0)
        house.codes.attempt(words, HERE)
        await house.codes._writer.due()
    known = house.codes.get(code_id)
    assert known is not None
    assert known.last_used_at == house.clock()
    assert writes == 1


async def test_there_are_not_too_many_codes_and_ended_ones_make_room(house: House) -> None:
    made = [await house.share(EVE, "porch") for _ in range(MOST_OF_ONE)]
    with pytest.raises(AccessError, match="already"):
        await house.share(EVE, "porch")
    await house.share(BOB, "porch")

    await house.codes.revoke(made[3][0], EVE)
    await house.share(EVE, "porch")

    assert len(house.codes.list(EVE)) == MOST_OF_ONE
    assert house.codes.get(made[3][0]) is None
    assert len((await house.again()).codes.list(EVE)) == MOST_OF_ONE


async def test_a_callback_that_fails_keeps_nobody_else_from_hearing(house: House) -> None:
    code_id, _ = await house.share(EVE, "porch")

    def broken(_code: str) -> None:
        raise RuntimeError

    house.codes.subscribe(broken)
    told = ends_of(house)
    await house.codes.revoke(code_id, EVE)
    assert told == [code_id]


async def test_items_of_every_kind_follow_the_policy(house: House) -> None:
    items = [Item(media_type=kind, media_slug="porch") for kind in ("video", "image", "recordings")]
    _, words = await house.codes.create(EVE, description="x", items=items, expires_at=None)
    guest = house.codes.lookup(words)
    assert guest is not None
    assert all(may(guest, action, "porch") for action in ("watch", "picture", "recordings"))
    assert not any(may(guest, action, "porch") for action in ("share", "manage", "status"))

"""A change to an account holds at once for whoever is in, and there is always an admin."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from access.code_house import PASSWORD, House, open_house

from edged.access.changes import UserChange
from edged.access.subject import Role, User
from edged.access.throttle import Throttled
from edged.access.values import Unacceptable
from edged.errors import AccessError, StoreError

HERE = "192.0.2.1"
OTHER = "quite another one"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


async def sign_in(house: House, name: str, password: str = PASSWORD) -> str:
    return await house.sessions.create(await house.accounts.login(name, password, HERE))


def ends_of(house: House) -> list[str]:
    told: list[str] = []
    house.sessions.subscribe(told.append)
    return told


async def test_a_disabled_user_is_out_at_once_and_gets_the_constant_refusal(house: House) -> None:
    token = await sign_in(house, "eve")
    told = ends_of(house)

    await house.accounts.set_disabled("eve", True, by="anna")

    assert house.sessions.lookup(token) is None
    assert len(told) == 1
    assert (await house.again()).sessions.lookup(token) is None
    with pytest.raises(AccessError) as disabled:
        await house.accounts.login("eve", PASSWORD, HERE)
    with pytest.raises(AccessError) as unknown:
        await house.accounts.login("nobody", PASSWORD, HERE)
    assert str(disabled.value) == str(unknown.value)

    await house.accounts.set_disabled("eve", False)
    assert await sign_in(house, "eve")


async def test_refusing_a_disabled_user_takes_as_long_as_refusing_nobody(house: House) -> None:
    await house.accounts.set_disabled("eve", True)
    verified: list[str | None] = []
    passwords = house.accounts._passwords
    verify = passwords.verify

    async def watched(encoded: str | None, password: str) -> bool:
        verified.append(encoded)
        return await verify(encoded, password)

    passwords.verify = watched  # type: ignore[method-assign]
    for name in ("eve", "nobody"):
        with pytest.raises(AccessError):
            await house.accounts.login(name, PASSWORD, HERE)
    assert len(verified) == 2


async def test_rights_change_within_running_sessions(house: House) -> None:
    token = await sign_in(house, "eve")
    await house.accounts.set_cameras("eve", ["hall"])
    subject = house.sessions.lookup(token)
    assert subject is not None
    assert (subject.kind, subject.cameras) == ("viewer", {"hall"})

    await house.accounts.set_role("eve", "admin")
    subject = house.sessions.lookup(token)
    assert subject is not None
    assert (subject.kind, subject.cameras) == ("admin", None)

    await house.accounts.set_role("eve", "viewer")
    subject = house.sessions.lookup(token)
    assert subject is not None
    assert subject.kind == "viewer"


async def test_a_removed_user_is_out_at_once(house: House) -> None:
    token = await sign_in(house, "eve")
    told = ends_of(house)
    await house.accounts.remove_user("eve")
    assert house.sessions.lookup(token) is None
    assert len(told) == 1


async def test_signing_out_everywhere_ends_all_sessions_or_all_others(house: House) -> None:
    tokens = [await sign_in(house, "eve") for _ in range(3)]
    others = await sign_in(house, "bob")
    kept = house.sessions.lookup(tokens[1])
    assert kept is not None

    await house.accounts.sign_out_everywhere("eve", keep_session=kept.session)
    assert [house.sessions.lookup(token) is None for token in tokens] == [True, False, True]
    await house.accounts.sign_out_everywhere("Eve")
    assert [house.sessions.lookup(token) is None for token in tokens] == [True, True, True]

    assert house.sessions.lookup(others) is not None
    again = await house.again()
    assert [again.sessions.lookup(token) is None for token in [*tokens, others]] == [True, True, True, False]


async def test_signing_out_holds_even_when_the_disk_is_full(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await sign_in(house, "eve")

    async def full(change: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "transact", full)
    await house.accounts.sign_out_everywhere("eve")
    assert house.sessions.lookup(token) is None


async def test_a_change_of_the_own_password_ends_every_session(house: House) -> None:
    mine, stolen = await sign_in(house, "eve"), await sign_in(house, "eve")

    user = await house.accounts.change_own_password("eve", PASSWORD, OTHER)

    for known in (house, await house.again()):
        assert known.sessions.lookup(mine) is None
        assert known.sessions.lookup(stolen) is None
    assert house.sessions.lookup(await house.sessions.create(user)) is not None
    with pytest.raises(AccessError):
        await house.accounts.login("eve", PASSWORD, HERE)
    assert await sign_in(house, "eve", OTHER)


async def test_the_old_password_is_not_found_out_in_an_open_browser(house: House) -> None:
    for _ in range(10):
        with pytest.raises(AccessError, match="old password is not right"):
            await house.accounts.change_own_password("eve", "a wrong old one", OTHER)
    with pytest.raises(Throttled):
        await house.accounts.change_own_password("eve", PASSWORD, OTHER)
    assert house.audit.counts["password_refused"] == 10
    assert await sign_in(house, "eve")  # signing in is not slowed down by it


@pytest.mark.parametrize("new", ["short", "eve", PASSWORD, "x" * 2000])
async def test_a_new_password_that_cannot_be_taken_is_refused_as_such(house: House, new: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        await house.accounts.change_own_password("eve", PASSWORD, new)
    assert refused.value.field == "password"


async def test_an_admin_resets_a_password_and_its_sessions_end(house: House) -> None:
    token = await sign_in(house, "eve")
    await house.accounts.set_password("eve", OTHER)
    assert house.sessions.lookup(token) is None
    assert await sign_in(house, "eve", OTHER)


@pytest.mark.parametrize("vanish", ["remove", "disable", "demote"])
async def test_the_last_admin_who_can_sign_in_cannot_vanish(house: House, vanish: str) -> None:
    acts = {
        "remove": lambda name: house.accounts.remove_user(name),
        "disable": lambda name: house.accounts.set_disabled(name, True),
        "demote": lambda name: house.accounts.set_role(name, "viewer"),
    }
    with pytest.raises(AccessError, match="last admin"):
        await acts[vanish]("anna")

    await house.accounts.create_user(username="carl", password=PASSWORD, role="admin")
    await house.accounts.set_disabled("carl", True)
    with pytest.raises(AccessError, match="last admin"):
        await acts[vanish]("anna")

    await house.accounts.set_disabled("carl", False)
    await acts[vanish]("anna")
    assert await sign_in(house, "carl")


async def test_of_two_admins_who_remove_each_other_one_stays(house: House) -> None:
    for round_ in range(5):
        name = f"carl{round_}"
        await house.accounts.create_user(username=name, password=PASSWORD, role="admin")
        refused = []

        async def go(act: object, *values: object, refused: list[str] = refused) -> None:
            try:
                await act(*values)  # type: ignore[operator]
            except AccessError as error:
                refused.append(str(error))

        admins = [user.name for user in await house.accounts.users() if user.role == "admin"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(go, house.accounts.set_disabled, admins[0], True)
            nursery.start_soon(go, house.accounts.set_role, admins[1], "viewer")
        left = [user for user in await house.accounts.users() if user.role == "admin" and not user.disabled]
        assert len(left) == 1
        assert len(refused) == 1
        await house.accounts.set_disabled(admins[0], False)
        await house.accounts.set_role(admins[0], "admin")
        await house.accounts.remove_user(admins[1])


@pytest.mark.parametrize("change", ["disable", "remove", "password"])
async def test_a_sign_in_that_was_under_way_when_the_account_was_closed_comes_to_nothing(
    house: House, change: str
) -> None:
    passwords = house.accounts._passwords
    verify = passwords.verify

    async def slow(encoded: str | None, password: str) -> bool:
        right = await verify(encoded, password)
        match change:
            case "disable":
                await house.accounts.set_disabled("eve", True)
            case "remove":
                await house.accounts.remove_user("eve")
            case _:
                await house.accounts.set_password("eve", OTHER)
        return right

    passwords.verify = slow  # type: ignore[method-assign]
    with pytest.raises(AccessError, match="not right"):
        await house.accounts.login("eve", PASSWORD, HERE)


async def test_a_sign_in_takes_the_rights_of_its_last_moment(house: House) -> None:
    passwords = house.accounts._passwords
    verify = passwords.verify

    async def slow(encoded: str | None, password: str) -> bool:
        right = await verify(encoded, password)
        await house.accounts.set_cameras("bob", ["porch"])
        return right

    passwords.verify = slow  # type: ignore[method-assign]
    user = await house.accounts.login("bob", PASSWORD, HERE)
    assert user == User(name="bob", role="viewer", cameras=frozenset({"porch"}))


async def test_a_session_for_a_user_who_was_disabled_is_not_made(house: House) -> None:
    user = await house.accounts.login("eve", PASSWORD, HERE)
    await house.accounts.set_disabled("eve", True)
    with pytest.raises(AccessError):
        await house.sessions.create(user)
    await house.accounts.set_disabled("eve", False)
    assert house.sessions._by_hash == {}


@pytest.mark.parametrize(
    ("role", "cameras", "field"),
    [
        ("owner", None, "role"),
        ("viewer", ["x" * 101], "cameras"),
        ("viewer", ["a\nb"], "cameras"),
        ("viewer", [""], "cameras"),
        ("viewer", [str(number) for number in range(201)], "cameras"),
    ],
)
async def test_rights_that_cannot_be_given_are_named(
    house: House, role: Role, cameras: list[str] | None, field: str
) -> None:
    with pytest.raises(Unacceptable) as refused:
        await house.accounts.create_user(username="tom", password=PASSWORD, role=role, cameras=cameras)
    assert refused.value.field == field


async def test_an_unknown_account_cannot_be_changed(house: House) -> None:
    for act in (
        house.accounts.set_role("tom", "admin"),
        house.accounts.set_cameras("tom", None),
        house.accounts.set_disabled("tom", True),
        house.accounts.set_password("tom", OTHER),
        house.accounts.remove_user("tom"),
        house.accounts.sign_out_everywhere("tom"),
    ):
        with pytest.raises(AccessError, match="no such user"):
            await act


async def test_no_password_and_no_mistyped_name_is_ever_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for name, password in (("eve", "wrong-horse-battery"), ("my-secret-password", "eve"), ("eve", PASSWORD)):
        try:
            await house.accounts.login(name, password, HERE)
        except AccessError:
            pass
    await house.accounts.change_own_password("eve", PASSWORD, OTHER)
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    for secret in ("wrong-horse", "my-secret", PASSWORD, OTHER):
        assert secret not in told
    counts = house.audit.counts
    assert (counts["login_refused"], counts["login"], counts["password_changed"]) == (2, 1, 1)


async def test_changes_are_told_to_whoever_asks_next_within_milliseconds(house: House) -> None:
    tokens = [await sign_in(house, "eve") for _ in range(5)]
    begun = time.perf_counter()
    await house.accounts.set_disabled("eve", True)
    assert not any(house.sessions.lookup(token) for token in tokens)
    assert time.perf_counter() - begun < 1.0


async def test_an_admin_who_becomes_a_viewer_of_one_camera_never_sees_all_as_a_viewer(house: House) -> None:
    await house.accounts.change("eve", role="admin", cameras=None, by="anna")
    token = await sign_in(house, "eve")
    seen: list[object] = []
    update = house.sessions.update

    def watched(user: User) -> None:
        update(user)
        subject = house.sessions.lookup(token)
        seen.append(subject and (subject.kind, subject.cameras))

    house.sessions.update = watched  # type: ignore[method-assign]
    await house.accounts.change("eve", role="viewer", cameras=["front"], by="anna")
    assert seen == [("viewer", frozenset({"front"}))]
    with pytest.raises(Unacceptable):
        await house.accounts.change("eve", role="king", cameras=None)  # type: ignore[arg-type]
    with pytest.raises(AccessError):
        await house.accounts.change("anna", role="viewer", cameras=None)


@pytest.mark.parametrize(
    ("name", "wish", "why"),
    [
        ("eve", {"password": OTHER, "disabled": True, "cameras": ["\u00e9vil"]}, "name of a camera"),
        ("eve", {"password": OTHER, "role": "king"}, "admin or a viewer"),
        ("eve", {"cameras": ["hall"], "disabled": True, "password": "short"}, "at least 10"),
        ("anna", {"password": OTHER, "disabled": True}, "last admin"),
        ("anna", {"password": OTHER, "role": "viewer", "cameras": ["hall"]}, "last admin"),
    ],
)
async def test_a_change_that_is_refused_in_part_is_not_made_at_all(
    house: House, name: str, wish: dict[str, Any], why: str
) -> None:
    token, before = await sign_in(house, name), await house.accounts.users()
    told = ends_of(house)

    with pytest.raises(AccessError, match=why):
        await house.accounts.change(name, **wish)

    assert told == []
    assert await house.accounts.users() == before
    assert (await house.again()).sessions.lookup(token) is not None
    assert await sign_in(house, name)


async def test_a_change_of_everything_is_one_change(house: House) -> None:
    token = await sign_in(house, "eve")
    seen: list[UserChange] = []
    follow = house.sessions.follow

    def watched(change: UserChange) -> None:
        seen.append(change)
        follow(change)

    house.sessions.follow = watched  # type: ignore[method-assign]
    user = await house.accounts.change(
        "Eve", role="viewer", cameras=["hall"], disabled=True, password=OTHER, by="anna"
    )

    assert user == User(name="eve", role="viewer", cameras=frozenset({"hall"}), disabled=True)
    assert [change.user for change in seen] == [user]
    assert house.sessions.lookup(token) is None
    counts = house.audit.counts
    assert (counts["user_changed"], counts["user_disabled"], counts["password_changed"]) == (1, 1, 1)
    await house.accounts.change("eve", disabled=False)
    assert await sign_in(house, "eve", OTHER)

"""Claiming happens once, signing in tells nothing to those who guess."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from edged.access.accounts import Accounts, Unacceptable
from edged.access.passwords import MOST_PASSWORD, Passwords
from edged.access.setup_code import current_setup_code
from edged.access.subject import User
from edged.access.throttle import BY_ACCOUNT, BY_ADDRESS, Throttle, Throttled
from edged.errors import AccessError, StoreError
from edged.log import SecretsFilter, blacked_out
from edged.store import Store

PASSWORD = "a short sentence"
HERE = "192.0.2.1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "edged.sqlite3")
    yield opened
    await opened.close()


async def open_accounts(store: Store, time_cost: int = 1) -> Accounts:
    return await Accounts.open(
        store=store,
        data=store.path.parent,
        passwords=Passwords(time_cost=time_cost, memory_kib=8),
        throttle=Throttle(clock=lambda: 0.0),
    )


@pytest.fixture
async def accounts(store: Store) -> Accounts:
    return await open_accounts(store)


async def claim(accounts: Accounts, **changes: str) -> User:
    asked = {"site": "Shop", "username": "Anna", "password": PASSWORD, "address": HERE, **changes}
    return await accounts.claim(setup_code=asked.pop("setup_code", None) or accounts.setup_code(), **asked)


async def test_the_owner_claims_signs_in_and_is_known_after_a_restart(
    store: Store, accounts: Accounts
) -> None:
    assert not accounts.claimed

    user = await claim(accounts)

    assert user == User(name="anna", role="admin", cameras=None)
    assert accounts.claimed
    again = await open_accounts(store)
    assert again.claimed
    assert again.site == "Shop"
    assert await again.login(" ANNA ", PASSWORD, HERE) == user


async def test_a_claimed_box_has_no_setup_code_and_cannot_be_claimed(
    accounts: Accounts, tmp_path: Path
) -> None:
    code = accounts.setup_code()
    assert current_setup_code(tmp_path) == code
    await claim(accounts)

    with pytest.raises(AccessError, match="already claimed"):
        await claim(accounts, setup_code=code, username="eve")
    with pytest.raises(AccessError, match="already claimed"):
        accounts.setup_code()
    with pytest.raises(AccessError, match="already claimed"):
        current_setup_code(tmp_path)
    assert [user.name for user in await accounts.users()] == ["anna"]


async def test_of_claims_at_once_exactly_one_succeeds(store: Store) -> None:
    one, other = await open_accounts(store), await open_accounts(store)
    code = one.setup_code()
    claimed, refused = [], []

    async def try_it(accounts: Accounts, name: str) -> None:
        try:
            claimed.append(await claim(accounts, setup_code=code, username=name))
        except AccessError:
            refused.append(name)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(try_it, (one, other)[number % 2], f"user{number}")

    assert len(claimed) == 1
    assert len(refused) == 3
    assert one.claimed
    assert other.claimed
    assert await one.users() == tuple(claimed)


async def test_without_the_code_nobody_claims_and_guessing_is_slowed_down(accounts: Accounts) -> None:
    accounts.setup_code()
    for _ in range(BY_ADDRESS.free):
        with pytest.raises(AccessError, match="not valid"):
            await claim(accounts, setup_code="0000-0000-0000")

    with pytest.raises(Throttled) as refusal:
        await claim(accounts, setup_code="0000-0000-0000")

    assert refusal.value.retry_after > 0
    assert not accounts.claimed


async def test_strangers_wrong_codes_do_not_keep_the_owner_from_claiming(accounts: Accounts) -> None:
    accounts.setup_code()
    for number in range(100):
        with pytest.raises(AccessError, match="not valid"):
            await claim(accounts, setup_code="0000-0000-0000", address=f"198.51.100.{number}")

    assert await claim(accounts) == User(name="anna", role="admin")


async def test_strangers_wrong_passwords_do_not_keep_the_owner_from_signing_in_anywhere(
    accounts: Accounts, autojump_clock: trio.testing.MockClock
) -> None:
    owner = await claim(accounts)
    for number in range(30):
        with pytest.raises(AccessError, match="not right"):
            await accounts.login("anna", "wrong password", f"198.51.100.{number}")
    began = trio.current_time()

    assert await accounts.login("anna", PASSWORD, "203.0.113.5") == owner
    assert trio.current_time() - began <= BY_ACCOUNT.longest + 1


async def test_who_leaves_while_delayed_has_used_up_a_try(
    accounts: Accounts, autojump_clock: trio.testing.MockClock
) -> None:
    await claim(accounts)
    for number in range(BY_ACCOUNT.free):
        with pytest.raises(AccessError, match="not right"):
            await accounts.login("anna", "wrong password", f"198.51.100.{number}")

    for _ in range(BY_ADDRESS.free):
        with trio.move_on_after(0.5) as left:
            await accounts.login("anna", "wrong password", "203.0.113.5")
        assert left.cancelled_caught

    with pytest.raises(Throttled):
        await accounts.login("anna", "wrong password", "203.0.113.5")


@pytest.mark.parametrize("password", ["annamariasmith", "AnnaMariaSmith", " annamariasmith "])
async def test_a_user_name_is_no_password(accounts: Accounts, password: str) -> None:
    with pytest.raises(Unacceptable, match="other than the user name") as refusal:
        await claim(accounts, username="AnnaMariaSmith", password=password)
    assert refusal.value.field == "password"
    await claim(accounts, username="annamariasmith")
    with pytest.raises(Unacceptable, match="other than the user name"):
        await accounts.set_password("ANNAmariasmith", password)
    with pytest.raises(Unacceptable, match="other than the user name"):
        await accounts.create_user(username="annamariasmith", password=password, role="viewer")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "anna smith"),
        ("username", "ann\u212a"),
        ("username", "x" * 33),
        ("username", "anna\n"),
        ("username", "\ud800"),
        ("username", "root"),
        ("username", " Edged "),
        ("password", "short"),
        ("password", "x" * (MOST_PASSWORD + 1)),
        ("site", "x" * 61),
        ("site", "a\nb"),
    ],
)
async def test_a_value_that_cannot_be_taken_is_named_and_costs_no_try(
    accounts: Accounts, field: str, value: str
) -> None:
    for _ in range(50):
        with pytest.raises(Unacceptable) as refusal:
            await claim(accounts, **{field: value})
        assert refusal.value.field == field
    assert not accounts.claimed
    await claim(accounts)


async def test_the_refusal_is_the_same_for_a_wrong_password_and_for_an_unknown_user(
    accounts: Accounts,
) -> None:
    await claim(accounts)
    told = set()

    for number, name in enumerate(
        ("anna", "nobody", "", "anna smith", "\ud800", "' OR 1=1 --", "x" * 10_000)
    ):
        for password in ("wrong password", "", "x" * 5000, "\ud800"):
            with pytest.raises(AccessError) as refusal:
                await accounts.login(name, password, f"198.51.100.{number}")
            told.add((type(refusal.value), str(refusal.value)))

    assert told == {(AccessError, "User name or password is not right.")}


async def test_unknown_users_are_slowed_down_like_known_ones(
    accounts: Accounts, autojump_clock: trio.testing.MockClock
) -> None:
    await claim(accounts)

    async def delays(name: str) -> list[float]:
        """How long each of some guesses from everywhere takes, but for the work."""
        taken = []
        for number in range(BY_ACCOUNT.free + 4):
            began = trio.current_time()
            with pytest.raises(AccessError, match="not right"):
                await accounts.login(name, "wrong password", f"198.51.{len(name)}.{number}")
            taken.append(round(trio.current_time() - began, 3))
        return taken

    assert await delays("anna") == await delays("nobody") == [0.0] * BY_ACCOUNT.free + [1, 2, 4, 4]


async def test_nothing_typed_that_is_no_user_gets_into_the_log(
    accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    await claim(accounts)
    caplog.set_level(logging.DEBUG)

    for name in ("my secret password", "anna"):
        with pytest.raises(AccessError):
            await accounts.login(name, "another secret", HERE)

    assert "secret" not in caplog.text
    assert "sign-in refused for anna" in caplog.text


async def test_a_broken_store_does_not_count_against_the_user(accounts: Accounts, store: Store) -> None:
    await claim(accounts)
    path = store.path
    await store.close()

    for _ in range(50):
        with pytest.raises(StoreError, match=path.name):
            await accounts.login("anna", PASSWORD, HERE)


async def test_signing_in_brings_an_old_hash_to_todays_parameters(store: Store, accounts: Accounts) -> None:
    await claim(accounts)
    newer = await open_accounts(store, time_cost=3)

    await newer.login("anna", PASSWORD, HERE)

    ((encoded,),) = await store.read("SELECT password FROM user")
    assert encoded.startswith("$argon2id$v=19$m=8,t=3,p=1$")
    assert await newer.login("anna", PASSWORD, HERE)


async def test_a_viewer_has_the_cameras_granted(store: Store, accounts: Accounts) -> None:
    await claim(accounts)
    await accounts.create_user(username="eve", password=PASSWORD, role="viewer", cameras=["porch", "garden"])
    await accounts.create_user(username="bob", password=PASSWORD, role="viewer")
    await accounts.create_user(username="tom", password=PASSWORD, role="viewer", cameras=[])

    assert (await accounts.login("eve", PASSWORD, HERE)).cameras == {"porch", "garden"}
    assert {user.name: user.cameras for user in await (await open_accounts(store)).users()} == {
        "anna": None,
        "bob": None,
        "eve": {"porch", "garden"},
        "tom": frozenset(),
    }


async def test_a_name_is_given_once(accounts: Accounts) -> None:
    await claim(accounts)
    await accounts.create_user(username="eve", password=PASSWORD, role="viewer")

    with pytest.raises(Unacceptable, match="already a user eve"):
        await accounts.create_user(username="EVE", password=PASSWORD, role="admin")

    assert [user.role for user in await accounts.users()] == ["admin", "viewer"]


async def test_a_new_password_replaces_the_old(accounts: Accounts) -> None:
    await claim(accounts)
    await accounts.set_password("anna", "another sentence")

    assert await accounts.login("anna", "another sentence", HERE)
    with pytest.raises(AccessError):
        await accounts.login("anna", PASSWORD, HERE)
    with pytest.raises(AccessError, match="no such user"):
        await accounts.set_password("nobody", "another sentence")


async def test_the_last_admin_stays(accounts: Accounts) -> None:
    await claim(accounts)
    await accounts.create_user(username="eve", password=PASSWORD, role="viewer", cameras=["porch"])

    with pytest.raises(AccessError, match="last admin"):
        await accounts.remove_user("anna")
    await accounts.remove_user("eve")
    with pytest.raises(AccessError, match="no such user"):
        await accounts.remove_user("eve")

    await accounts.create_user(username="bob", password=PASSWORD, role="admin")
    await accounts.remove_user("anna")
    assert [user.name for user in await accounts.users()] == ["bob"]


async def test_the_database_and_the_folder_hold_no_password_and_no_used_code(
    accounts: Accounts, store: Store, tmp_path: Path
) -> None:
    code = accounts.setup_code()
    await claim(accounts)
    await store.close()

    held = b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))  # noqa: ASYNC240
    assert PASSWORD.encode() not in held
    assert code.encode() not in held
    assert json.dumps(code).encode() not in held


async def test_the_code_is_in_the_log_until_the_box_is_claimed(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(caplog.handler, "filters", [SecretsFilter()])
    accounts = await open_accounts(store)
    code = accounts.setup_code()
    assert f"setup code is {code}" in caplog.text
    assert blacked_out(f"somebody typed {code}") == "somebody typed [secret]"
    await open_accounts(store)
    assert caplog.text.count(f"setup code is {code}") == 2
    await claim(accounts)
    caplog.clear()

    await open_accounts(store)

    assert caplog.text == ""


async def test_a_box_whose_code_cannot_be_kept_starts_and_says_why(
    store: Store, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "setup-code").mkdir()  # in the way of the file

    accounts = await open_accounts(store)

    assert "nobody can claim this box" in caplog.text
    with pytest.raises(AccessError, match="cannot be kept"):
        accounts.setup_code()
    with pytest.raises(AccessError, match="not valid"):
        await claim(accounts, setup_code="0000-0000-0000")

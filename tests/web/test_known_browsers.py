"""The browser that signed in keeps a proof of it, which no script reads and no other page sends."""

from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import httpx
import pytest
from web_house import PASSWORD, open_house

LOGIN = {"username": "viewer", "password": PASSWORD}


def device_of(answer: httpx.Response) -> "Morsel[str] | None":
    """The proof that the answer gives."""
    for told in answer.headers.get_list("set-cookie"):
        if (morsel := SimpleCookie(told).get("edged_device")) is not None:
            return morsel
    return None


async def test_signing_in_gives_the_browser_a_proof_that_it_brings_the_next_time(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client() as client:
        given = device_of(await client.post("/login", data=LOGIN))
        assert given is not None
        assert given["httponly"]
        assert (given["samesite"], given["path"]) == ("Strict", "/login")
        assert int(given["max-age"]) == 365 * 86400
        assert house.accounts.knows_device("viewer", given.value)

        again = device_of(
            await client.post("/login", data=LOGIN, headers={"Cookie": f"edged_device={given.value}"})
        )
    assert again is not None
    assert again.value == given.value


async def test_who_is_refused_gets_none_and_learns_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client() as client:
        told = []
        for name in ("viewer", "ghost"):
            answer = await client.post("/login", data={"username": name, "password": "wrong password"})
            assert device_of(answer) is None
            told.append((answer.status_code, answer.text.replace(name, "NAME"), list(answer.headers)))
    assert told[0] == told[1]


async def test_a_program_uses_up_no_place_of_a_browser(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client() as client:
        assert device_of(await client.post("/login", json=LOGIN)) is None


async def test_the_browser_with_the_proof_enters_though_its_address_guessed_wildly(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client() as client, house.client() as other:
        await client.post("/login", data=LOGIN)
        for number in range(10):
            await other.post("/login", data={"username": f"ghost{number}", "password": "wrong password"})

        assert (await client.post("/login", data=LOGIN)).status_code == 303


@pytest.mark.parametrize("who", ["viewer", "admin"])
async def test_a_new_password_of_ones_own_keeps_this_browser_known(tmp_path: Path, who: str) -> None:
    async with open_house(tmp_path) as house, house.client(who) as client:
        answer = await client.post("/account/password", data={"old": PASSWORD, "new": "another sentence"})
        given = device_of(answer)
        assert given is not None
        assert house.accounts.knows_device(who, given.value)

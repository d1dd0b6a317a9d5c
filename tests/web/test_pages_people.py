"""People and one's own account, by their pages and with real accounts."""

import re
from pathlib import Path

import pytest
from house import ADA, PASSWORD, House, open_house

from edged.access.subject import Subject, User


async def user(house: House, name: str) -> User | None:
    return next((person for person in await house.accounts.users() if person.name == name), None)


async def is_in(house: House, name: str, password: str) -> bool:
    async with house.browser() as browser:
        sent = await browser.post("/login", data={"username": name, "password": password})
        return sent.status_code == 303


async def test_only_an_admin_sees_people(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic, house.browser("ada") as ada:
        page = (await ada.get("/people")).text
        assert "ada" in page
        assert "vic" in page
        for address in ("/people", "/people/new", "/people/~ada", "/people/~ada/remove", "/system"):
            assert (await vic.get(address)).status_code == 403, address
        assert 'href="/people"' not in (await vic.get("/codes")).text


async def test_somebody_is_added_with_the_cameras_chosen_and_a_password_made_up(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        form = {"username": "Maria", "role": "viewer", "cameras": "some", "camera": ["garden"]}
        told = await ada.post("/people", data=form)
        made_up = re.search(r'id="words">([^<]+)<', told.text)
        assert made_up is not None
        maria = await user(house, "maria")
        assert maria is not None
        assert maria.cameras == {"garden"}
        assert await is_in(house, "maria", made_up.group(1))


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "vic"}, "username"),
        ({"username": "so long"}, "username"),
        ({"username": "max", "password": "short"}, "password"),
    ],
)
async def test_what_cannot_be_taken_stands_by_its_field(
    tmp_path: Path, form: dict[str, str], field: str
) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        refused = await ada.post("/people", data=form)
        assert refused.status_code == 422
        assert f'id="{field}-note" class="field-error"' in refused.text
        assert 'value="short"' not in refused.text
        assert len(await house.accounts.users()) == 2


async def test_a_camera_taken_away_is_gone_from_running_sessions(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada, house.browser("vic") as vic:
        assert (await vic.get("/cameras/door")).status_code == 200
        form = {"role": "viewer", "cameras": "some", "camera": ["garden"]}
        assert (await ada.post("/people/~vic/rights", data=form)).status_code == 303
        assert (await vic.get("/cameras/door")).status_code == 404
        assert (await vic.get("/cameras/garden")).status_code == 200


async def test_the_last_admin_stays(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        for act in ("remove", "disable"):
            refused = await ada.post(f"/people/~ada/{act}")
            assert refused.status_code == 409
            assert 'role="alert"' in refused.text
        assert (await ada.post("/people/~ada/rights", data={"role": "viewer"})).status_code == 409
        ada_now = await user(house, "ada")
        assert ada_now is not None
        assert (ada_now.role, ada_now.disabled) == ("admin", False)


@pytest.mark.parametrize("act", ["sign-out", "disable", "remove"])
async def test_what_ends_somebodys_access_asks_first_and_says_what_is_lost(tmp_path: Path, act: str) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada, house.browser("vic") as vic:
        page = (await ada.get(f"/people/~vic/{act}")).text
        assert f'action="/people/~vic/{act}"' in page
        assert 'href="/people/~vic"' in page
        assert 'class="confirm-loses"' in page
        assert (await vic.get("/codes")).status_code == 200
        assert (await ada.post(f"/people/~vic/{act}")).status_code == 303
        assert (await vic.get("/codes")).status_code == 303


async def test_somebody_switched_off_can_be_switched_on_again(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        await ada.post("/people/~vic/disable")
        assert not await is_in(house, "vic", PASSWORD)
        assert "switched off" in (await ada.get("/people")).text
        await ada.post("/people/~vic/enable")
        assert await is_in(house, "vic", PASSWORD)


async def test_a_reset_password_ends_the_old_one(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada, house.browser("vic") as vic:
        new = "another short sentence"
        assert (await ada.post("/people/~vic/password", data={"password": new})).status_code == 303
        assert (await vic.get("/codes")).status_code == 303
        assert not await is_in(house, "vic", PASSWORD)
        assert await is_in(house, "vic", new)


async def test_names_that_look_like_addresses_can_be_managed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        for name in ("new", "add", "a.b-c_d"):
            await house.accounts.create_user(username=name, password=PASSWORD, role="viewer")
            assert f">{name}</h1>" in (await ada.get(f"/people/~{name}")).text
            assert (await ada.post(f"/people/~{name}/remove")).status_code == 303
            assert await user(house, name) is None


async def test_whoever_is_gone_is_not_found(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        for address in ("/people/~max", "/people/~max/remove", "/people/~vic/nothing"):
            assert (await ada.get(address)).status_code == 404
        assert (await ada.post("/people/~max/enable")).status_code == 404


async def test_ones_own_password_is_changed_and_only_this_session_goes_on(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as here, house.browser("vic") as there:
        new = "another short sentence"
        changed = await here.post("/account/password", data={"old": PASSWORD, "new": new})
        assert changed.status_code == 200
        assert "Your password is changed." in changed.text
        assert (await here.get("/account")).status_code == 303  # by the token from before
        assert (await there.get("/account")).status_code == 303
        async with house.site.client(changed.cookies["edged_session"]) as anew:
            assert (await anew.get("/account")).status_code == 200
        assert await is_in(house, "vic", new)


async def test_an_admin_who_resets_the_own_password_gets_a_new_session(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        reset = await ada.post("/people/~ada/password", data={"password": "another short sentence"})
        assert (reset.status_code, reset.headers["location"]) == (303, "/people/~ada?saved")
        assert (await ada.get("/people")).status_code == 303
        async with house.site.client(reset.cookies["edged_session"]) as anew:
            assert (await anew.get("/people")).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [("wrong wrong", "another short sentence", "old"), (PASSWORD, "short", "new"), ("", "", "old")],
)
async def test_a_password_that_cannot_be_changed_says_why(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic:
        refused = await vic.post("/account/password", data={"old": old, "new": new})
        assert refused.status_code == 422
        assert f'id="{field}-note" class="field-error"' in refused.text
        assert await is_in(house, "vic", PASSWORD)


async def test_signing_out_everywhere_asks_and_ends_every_session(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as here, house.browser("vic") as there:
        words = await house.share(owner=ADA)
        assert "Sign out everywhere?" in (await here.get("/account/sign-out")).text
        assert (await there.get("/account")).status_code == 200
        assert (await here.post("/account/sign-out")).headers["location"] == "/login"
        assert (await there.get("/account")).status_code == 303
        assert house.codes.lookup(words) is not None


VIC = Subject(kind="viewer", user="vic", cameras=frozenset({"door"}))


@pytest.mark.parametrize(
    ("page", "action", "form"),
    [
        ("/people/~vic/sign-out", "/people/~vic/sign-out", {}),
        ("/people/~vic", "/people/~vic/password", {"password": "another short sentence"}),
        ("/account/sign-out", "/account/sign-out", {}),
        ("/account", "/account/password", {"old": PASSWORD, "new": "another short sentence"}),
    ],
)
@pytest.mark.parametrize("take_back", [False, True])
async def test_signing_out_says_that_shared_links_stay_and_offers_to_take_them_back(
    tmp_path: Path, page: str, action: str, form: dict[str, str], take_back: bool
) -> None:
    who = "vic" if page.startswith("/account") else "ada"
    async with open_house(tmp_path) as house, house.browser(who) as browser:
        assert "revoke_codes" not in (await browser.get(page)).text
        words, others = await house.share(owner=VIC), await house.share(owner=ADA)
        told = (await browser.get(page)).text
        assert "shared stays shared" in told
        assert 'type="checkbox" name="revoke_codes"' in told
        assert "1 link or code" in told

        answer = await browser.post(action, data=form | ({"revoke_codes": "1"} if take_back else {}))

        assert answer.status_code in {200, 303}
        assert (house.codes.lookup(words) is None) is take_back
        assert house.codes.lookup(others) is not None

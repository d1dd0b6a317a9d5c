"""Every route x everybody who may ask: nothing is open by accident, and refusals tell nobody anything."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio
from matrix import ASKERS, DAY, NAME, ROWS, SDP, Row
from web_fakes import make_parts
from web_house import NOW, House, open_house

from edged.access.subject import ROOT
from edged.web.app import create_front

AUTOMATIC = {"HEAD", "OPTIONS"}
BAD_CODES = ("wrong", "other", "expired", "revoked")


def all_routes() -> list[str]:
    """ "METHOD rule" of everything that the web answers, whoever made the route."""
    front = create_front(make_parts())
    quart = [(m, rule.rule) for rule in front.quart.url_map.iter_rules() for m in rule.methods - AUTOMATIC]
    own = [(m, route.rule) for route in front.routes for m in route.methods if m not in AUTOMATIC]
    return sorted(f"{method} {rule}" for method, rule in {*quart, *own})


@dataclass(frozen=True)
class Prepared:
    """A folder with the database of a house, its people's tokens, and the words of a code of each kind."""

    folder: Path
    tokens: dict[str, str]
    words: dict[str, str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Made once; each house gets a copy. CODEID among the words stands for the viewer's code in paths."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> Prepared:
        async with open_house(folder) as house:
            items = [{"media_type": "video", "media_slug": "garden"}]
            words = {
                "guest": await house.share(),
                "other": await house.share(media_items=items),
                "expired": await house.share(expires_at=NOW + 60),
                "revoked": await house.share(),
                "wrong": "never-was-a-code",
            }
            await house.share("viewer")
            (own,) = [code for code in house.codes.list(ROOT) if code.owner == "viewer"]
            words["CODEID"] = own.id
            async with house.client("admin") as admin:
                assert (await admin.delete(f"/api/access-codes/{words['revoked']}")).status_code == 204
            return Prepared(folder, house.tokens, words)

    return trio.run(prepare)


@asynccontextmanager
async def matrix_house(folder: Path, prepared: Prepared) -> AsyncIterator[tuple[House, dict[str, str]]]:
    """A house with footage, a picture that runs, and the codes.

    More words for the paths of rows: VIEWING is the guest's picture, TOKEN one of the viewer's.
    """
    shutil.copytree(prepared.folder, folder, dirs_exist_ok=True)
    words = dict(prepared.words)
    async with open_house(folder, prepared.tokens) as house:
        parts = house.site.parts
        file = folder / "file"
        file.write_bytes(b"bytes")
        parts.cameras.snapshots["door"] = parts.library.files["door", DAY, f"{NAME}.mp4"] = file
        async with house.client() as guest:
            address = f"/whep/door?access_code={words['guest']}"
            answer = await guest.post(address, content=SDP, headers={"Content-Type": "application/sdp"})
        words["VIEWING"] = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        async with house.client("viewer") as viewer:
            answer = await viewer.post("/api/stream/token", json={"camera": "door"})
        words["TOKEN"] = answer.json()["token"]
        house.clock.now += 61
        yield house, words


async def ask(
    house: House, words: dict[str, str], asker: str, route: str, row: Row, address: str
) -> httpx.Response:
    path = row.path
    for name in ("CODEID", "VIEWING", "TOKEN"):
        path = path.replace(name, words[name])
    if asker in words:
        path += ("&" if "?" in path else "?") + f"access_code={words[asker]}"
    headers = {"User-Agent": asker}
    if asker == "engine":
        headers["Authorization"] = f"Bearer {house.site.parts.door.hook_secret}"
    if row.raw is not None:
        headers["Content-Type"] = row.raw[0]
    body = row.raw[1] if row.raw is not None else None
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=False)
    async with house.client(asker if asker in house.tokens else "", transport=transport) as client:
        method = route.split(maxsplit=1)[0]
        request = client.build_request(
            method, path, headers=headers, json=row.json, data=row.form, content=body
        )
        answer = await client.send(request, stream=True)
        if "text/event-stream" not in answer.headers.get("content-type", ""):
            await answer.aread()
        await answer.aclose()
        return answer


async def wrong_cells(house: House, words: dict[str, str], route: str, address: str) -> str:
    """What is not as the row says, "" when all of it is. All ask from `address`."""
    row = ROWS.get(route)
    if row is None:
        return (
            f"{route} has no row: add to ROWS in tests/web/matrix.py a line\n"
            f'    "{route}": Row("<a status for each of {", ".join(ASKERS)}>", "<path to ask>"),\n'
        )
    right = dict(zip(ASKERS, row.gets.split(), strict=True))
    got, answers = {}, {}
    for asker in ASKERS:
        answers[asker] = await ask(house, words, asker, route, row, address)
        got[asker] = outcome(answers[asker])
    if got != right:
        differs = [
            f"{asker}: {got[asker]}, not {right[asker]}" for asker in ASKERS if got[asker] != right[asker]
        ]
        return f"{route}: {'; '.join(differs)}\n    {' '.join(got.values())}\n"
    # Another camera's code may open a list of its own things; else whatever is wrong with a code is the same.
    bad = [answers[asker] for asker in BAD_CODES if got[asker] == got["wrong"]]
    told = {(answer.content, frozenset(answer.headers.items()) - moments(answer)) for answer in bad}
    return "" if len(bad) >= 3 and len(told) == 1 else f"{route}: bad codes can be told apart\n"


def looks(route: str) -> bool:
    """Whether it is a question that changes nothing."""
    return route.startswith("GET ")


async def test_everybody_sees_what_the_matrix_says(tmp_path: Path, prepared: Prepared) -> None:
    """All in one house; each from an address of its own, since tries of wrong codes are counted by it."""
    routes = sorted(filter(looks, all_routes()), key=lambda route: route == "GET /api/events")
    async with matrix_house(tmp_path, prepared) as (house, words):
        wrong = [
            await wrong_cells(house, words, route, f"127.0.1.{n}") for n, route in enumerate(routes, start=1)
        ]
    assert not any(wrong), "\n" + "".join(wrong)


@pytest.mark.parametrize("route", [route for route in all_routes() if not looks(route)])
async def test_everybody_may_do_what_the_matrix_says(route: str, tmp_path: Path, prepared: Prepared) -> None:
    async with matrix_house(tmp_path, prepared) as (house, words):
        wrong = await wrong_cells(house, words, route, "127.0.0.1")
    assert not wrong, "\n" + wrong


def outcome(answer: httpx.Response) -> str:
    """The status, or `login` for being sent to sign in."""
    sent = answer.headers.get("location", "")
    return (
        "login"
        if answer.status_code == 303 and sent.partition("?")[0] == "/login"
        else str(answer.status_code)
    )


def moments(answer: httpx.Response) -> set[tuple[str, str]]:
    """Headers that differ from second to second."""
    return {(name, answer.headers[name]) for name in ("date",) if name in answer.headers}


def test_no_row_is_left_of_a_route_that_is_gone() -> None:
    assert sorted(ROWS) == all_routes()


def test_only_these_are_open_to_somebody_with_neither_account_nor_code() -> None:
    """To be read as a list: whoever adds to it should know why."""
    assert {route for route, row in ROWS.items() if row.gets.startswith("2")} == {
        "GET /health",  # one word on how it is
        "GET /login",
        "GET /code",
        "GET /static/<path:name>",
        "GET /api/stream/validate",  # who brings a right token
    }


def test_managing_is_for_admins_alone() -> None:
    for route, row in ROWS.items():
        gets = dict(zip(ASKERS, row.gets.split(), strict=True))
        if "/people" in route or "/api/users" in route or "/volume" in route or "/retention" in route:
            assert {gets["stranger"], gets["viewer"]} == {"403"}, route
            assert {gets[asker] for asker in (*BAD_CODES, "guest", "engine")} == {gets["nobody"]}, route


def test_mediamtx_secret_opens_its_hooks_and_nothing_else() -> None:
    for route, row in ROWS.items():
        gets = dict(zip(ASKERS, row.gets.split(), strict=True))
        if "/api/webhooks/" in route:
            assert [asker for asker in ASKERS if gets[asker] == "204"] == ["engine"]
        else:
            assert gets["engine"] == gets["nobody"], route

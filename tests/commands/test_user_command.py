"""Who holds the box manages its accounts, with a daemon and without, and no password is seen by others."""

import contextlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self, TypeVar

import pytest
import trio
from lab.command_line import Told, run_edged

from edged.access.accounts import Accounts
from edged.access.codes import Codes
from edged.access.passwords import Passwords
from edged.access.sessions import Sessions
from edged.access.subject import Item, Subject
from edged.commands import people as people_module
from edged.commands.people import as_owner
from edged.control import ControlError
from edged.folders import hold_folder
from edged.store import Store

PASSWORD = "a short sentence"
T = TypeVar("T")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def settings(tmp_path: Path, data: Path) -> Path:
    path = tmp_path / "edged.toml"
    path.write_text(f'[paths]\ndata = "{data}"\nruntime = "{tmp_path / "run"}"\n')
    return path


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.access.accounts.Passwords", lambda: Passwords(time_cost=1, memory_kib=8))


@pytest.fixture(autouse=True)
def _no_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(people_module, "JOURNAL", tmp_path / "no journal")


class Box:
    def __init__(self, settings: Path) -> None:
        self.settings = settings

    def __call__(self, *words: str, typed: str = "") -> Told:
        command, *rest = words
        arguments = ["user", command, "--config", str(self.settings), *rest]
        return run_edged(arguments, typed=typed)

    def done(self, *words: str, typed: str = "") -> str:
        result = self(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    def users(self) -> dict[str, tuple[str, list[str] | None, bool]]:
        listed = json.loads(self.done("list", "--json"))
        return {user["name"]: (user["role"], user["cameras"], user["disabled"]) for user in listed}


@pytest.fixture
def box(settings: Path) -> Box:
    return Box(settings)


@pytest.fixture
def anna(box: Box) -> Box:
    box.done("add", "anna", "--role", "admin", "--password-stdin", typed=PASSWORD + "\n")
    return box


def test_accounts_are_made_granted_switched_off_and_removed(anna: Box) -> None:
    anna.done("add", "Eve", "--camera", "porch", "--password-stdin", typed=PASSWORD + "\n")
    assert anna.users() == {"anna": ("admin", None, False), "eve": ("viewer", ["porch"], False)}

    anna.done("grant", "eve", "garden", "porch")
    anna.done("disable", "eve")
    assert anna.users()["eve"] == ("viewer", ["garden", "porch"], True)

    anna.done("enable", "eve")
    anna.done("grant", "eve", "--none")
    assert anna.users()["eve"] == ("viewer", [], False)
    anna.done("role", "eve", "admin")
    assert anna.users()["eve"] == ("admin", None, False)
    anna.done("remove", "eve", "--yes")
    assert list(anna.users()) == ["anna"]


def test_who_is_locked_out_gets_in_by_a_new_password(anna: Box, data: Path) -> None:
    async def login(password: str) -> str:
        store = await Store.open(data / "edged.sqlite3")
        quick = Passwords(time_cost=1, memory_kib=8)
        accounts = await Accounts.open(store=store, data=data, passwords=quick)
        name = (await accounts.login("anna", password, "192.0.2.1")).name
        await store.close()
        return name

    anna.done("passwd", "anna", typed="quite another one\nquite another one\n")

    assert trio.run(login, "quite another one") == "anna"


def test_a_new_password_and_signing_out_end_the_sessions(anna: Box, data: Path) -> None:
    async def sign_in() -> str:
        store = await Store.open(data / "edged.sqlite3")
        accounts = await Accounts.open(store=store, data=data)
        sessions = await Sessions.open(store=store, lifetime=1000.0)
        (user,) = await accounts.users()
        token = await sessions.create(user)
        await store.close()
        return token

    async def is_in(token: str) -> bool:
        store = await Store.open(data / "edged.sqlite3")
        known = (await Sessions.open(store=store, lifetime=1000.0)).lookup(token)
        await store.close()
        return known is not None

    for words in (("signout", "anna"), ("passwd", "anna", "--password-stdin")):
        token = trio.run(sign_in)
        assert trio.run(is_in, token)
        anna.done(*words, typed="quite another one\n")
        assert not trio.run(is_in, token)


def test_a_password_is_asked_for_twice_and_never_shown(anna: Box) -> None:
    mistyped = anna("passwd", "anna", typed="quite another one\nquite anther one\n")
    assert mistyped.exit_code != 0

    done = anna.done("passwd", "anna", typed="quite another one\nquite another one\n")
    assert "quite another" not in done + mistyped.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("disable", "anna"), "last admin"),
        (("remove", "anna", "--yes"), "last admin"),
        (("role", "anna", "viewer"), "last admin"),
        (("disable", "nobody"), "no such user"),
        (("signout", "nobody"), "no such user"),
        (("add", "anna", "--password-stdin"), "already a user anna"),
        (("add", "..", "--password-stdin"), "A user name has"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(anna: Box, words: tuple[str, ...], told: str) -> None:
    result = anna(*words, typed=PASSWORD + "\n")
    assert result.exit_code == 1
    assert told in result.output
    assert result.output.count("\n") == 1
    assert anna.users() == {"anna": ("admin", None, False)}


@pytest.mark.parametrize(
    "words", [("grant", "eve"), ("grant", "eve", "porch", "--all"), ("role", "eve", "owner"), ("frobnicate",)]
)
def test_wrong_use_is_exit_code_2(anna: Box, words: tuple[str, ...]) -> None:
    assert anna(*words).exit_code == 2


def test_the_first_account_of_a_box_is_an_admin_and_ends_the_setup_code(box: Box, data: Path) -> None:
    refused = box("add", "eve", "--password-stdin", typed=PASSWORD + "\n")
    assert refused.exit_code == 1
    assert "first account" in refused.output

    setup = run_edged(["setup-code", "--config", str(box.settings)])
    assert setup.exit_code == 0
    box.done("add", "anna", "--role", "admin", "--password-stdin", typed=PASSWORD + "\n")

    assert not (data / "setup-code").exists()
    again = run_edged(["setup-code", "--config", str(box.settings)])
    assert "already claimed" in again.output


def test_removing_asks_first(anna: Box) -> None:
    anna.done("add", "eve", "--password-stdin", typed=PASSWORD + "\n")
    assert anna("remove", "eve", typed="n\n").exit_code == 1
    assert "eve" in anna.users()


def test_a_daemon_that_holds_the_folder_but_does_not_answer_is_not_gone_around(anna: Box, data: Path) -> None:
    with hold_folder(data, key="paths.data", marker="daemon.lock"):
        result = anna("list")
    assert result.exit_code == 1
    assert "no edged is running there" in result.output or "did not answer" in result.output


def test_a_box_without_a_data_folder_is_told(box: Box, data: Path) -> None:
    data.rmdir()
    result = box("list")
    assert (result.exit_code, "Start edged first" in result.output) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_leaves_no_file_that_locks_the_daemon_out(box: Box, data: Path, tmp_path: Path) -> None:
    service = pwd.getpwnam("nobody")
    os.chown(data, service.pw_uid, service.pw_gid)
    for folder in (data, *data.parents):
        if folder != data and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)

    box.done("add", "anna", "--role", "admin", "--password-stdin", typed=PASSWORD + "\n")
    box.done("passwd", "anna", "--password-stdin", typed=PASSWORD + " 2\n")

    owners = {entry.name: entry.stat().st_uid for entry in data.iterdir()}
    assert "edged.sqlite3" in owners
    assert set(owners.values()) == {service.pw_uid}
    assert (os.geteuid(), os.getegid()) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_is_root_again_after_whatever_went_wrong(data: Path) -> None:
    service = pwd.getpwnam("nobody")
    os.chown(data, service.pw_uid, service.pw_gid)
    seen = []
    with contextlib.suppress(RuntimeError), as_owner(data):
        seen.append((os.geteuid(), os.getegid()))
        raise RuntimeError
    assert seen == [(service.pw_uid, service.pw_gid)]
    assert (os.geteuid(), os.getegid()) == (0, 0)


class FakeControl:
    """The daemon's API, as far as the commands need it; notes what it was asked."""

    def __init__(self, runtime: Path) -> None:
        self.asked: list[tuple[str, str, object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def get(self, path: str) -> object:
        return {"users": [{"name": "anna", "role": "admin", "cameras": None, "disabled": False}]}

    def patch(self, path: str, value: object) -> object:
        self.asked.append(("PATCH", path, value))
        if path.endswith("/nobody"):
            raise ControlError("There is no such user.", 404)
        return {"name": "anna", "role": "admin", "cameras": None, "disabled": False}


def test_a_running_daemon_is_asked(box: Box, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = FakeControl(data)
    monkeypatch.setattr(people_module, "Control", lambda runtime: control)

    told = box.done("passwd", " Anna", "--password-stdin", "--revoke-codes", typed=PASSWORD + "\n")
    refused = box("disable", "nobody")

    assert "What anna shared is taken back.\n" in told
    assert control.asked[0] == ("PATCH", "/api/users/anna", {"password": PASSWORD, "revoke_codes": True})
    assert (refused.exit_code, refused.output) == (1, "edged: There is no such user.\n")
    assert not (data / "edged.sqlite3").exists()


def test_without_a_terminal_a_password_is_not_asked_for_but_another_way_is_named(
    settings: Path,
) -> None:
    words = ["user", "add", "anna", "--config", str(settings)]
    done = subprocess.run(
        [sys.executable, "-m", "edged.cli", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--password-stdin" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("revoke", [False, True])
@pytest.mark.parametrize("words", [("signout", "eve"), ("passwd", "eve", "--password-stdin")])
def test_what_somebody_shared_is_taken_back_without_a_daemon_when_asked_for(
    anna: Box, data: Path, words: tuple[str, ...], revoke: bool
) -> None:
    anna.done("add", "eve", "--password-stdin", typed=PASSWORD + "\n")

    async def with_codes(work: Callable[[Codes], Awaitable[T]]) -> T:
        store = await Store.open(data / "edged.sqlite3")
        try:
            return await work(await Codes.open(store=store))
        finally:
            await store.close()

    async def share(codes: Codes) -> str:
        eve = Subject(kind="viewer", user="eve", session="1", cameras=None)
        items = [Item(media_type="video", media_slug="porch")]
        return (await codes.create(eve, description="x", items=items, expires_at=None))[1]

    async def opens(codes: Codes) -> bool:
        return codes.lookup(shared) is not None

    shared = trio.run(with_codes, share)
    done = anna(*words, *(["--revoke-codes"] if revoke else []), typed=PASSWORD + " 2\n")

    assert trio.run(with_codes, opens) is not revoke
    assert ("What eve shared is taken back.\n" in done.stdout) is revoke
    assert ("What eve shared stays shared;" in done.stdout) is not revoke
    assert ("access code revoked for eve by root" in done.stderr) is revoke


def test_json_of_a_new_password_is_json(anna: Box) -> None:
    done = anna("passwd", "anna", "--password-stdin", "--revoke-codes", "--json", typed=PASSWORD + " 2\n")
    assert json.loads(done.stdout)["name"] == "anna"


def test_what_is_done_without_a_daemon_is_told_on_stderr_where_there_is_no_journal(anna: Box) -> None:
    done = anna("passwd", "anna", "--password-stdin", typed=PASSWORD + " 2\n")
    assert "password changed for anna by root (EVENT=password_changed, USER=anna, BY=root)" in done.stderr
    assert PASSWORD not in done.output
    assert anna("list").stderr == ""


def test_what_is_done_without_a_daemon_is_in_the_journal_of_edged(
    anna: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    journal = pytest.importorskip("systemd.journal")
    sent: list[dict[str, str]] = []
    monkeypatch.setattr(people_module, "JOURNAL", tmp_path)
    monkeypatch.setattr(
        journal, "send", lambda message, **fields: sent.append({"MESSAGE": message, **fields})
    )
    commands = [
        ("add", "eve", "--password-stdin"),
        ("passwd", "eve", "--password-stdin"),
        ("role", "eve", "admin"),
        ("signout", "eve"),
        ("remove", "eve", "--yes"),
    ]
    for words in commands:
        assert anna(*words, typed=PASSWORD + "\n").stderr == ""

    assert [event["EVENT"] for event in sent] == [
        "user_created",
        "password_changed",
        "user_changed",
        "signed_out",
        "user_removed",
    ]
    for event in sent:
        assert (event["USER"], event["BY"]) == ("eve", "root")
        assert (event["SYSLOG_IDENTIFIER"], event["OBJECT_SYSTEMD_UNIT"]) == ("edged", "edged.service")

"""`edged code` asks the running daemon, says what ends when, and takes no secret from the command line."""

import json
import time
from pathlib import Path
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from edged.cli import main
from edged.commands import code as code_module
from edged.control import ControlError

SHOWN = {
    "id": "c0ffee",
    "owner": "root",
    "description": "Grandma",
    "media_items": [{"media_type": "video", "media_slug": "porch"}],
    "open_items": [{"media_type": "video", "media_slug": "porch"}],
    "state": "active",
    "hint": "DR",
    "expires_at": None,
}


class FakeControl:
    """Notes what it was asked; knows one code."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.shown: dict[str, Any] = SHOWN

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def get(self, path: str) -> Any:
        self.asked.append(("GET", path, None))
        return {"access_codes": [self.shown]}

    def post(self, path: str, value: object) -> Any:
        self.asked.append(("POST", path, value))
        return {**self.shown, "code": "HTGM-Q7PW", "link": "http://box/watch/porch?access_code=HTGM-Q7PW"}

    def patch(self, path: str, value: object) -> Any:
        self.asked.append(("PATCH", path, value))
        return self.shown

    def delete(self, path: str) -> None:
        self.asked.append(("DELETE", path, None))
        if "unknown" in path:
            raise ControlError("There is no such access code, or it is not yours.", 404)


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> FakeControl:
    fake = FakeControl()
    monkeypatch.setattr(code_module, "Control", lambda _runtime: fake)
    return fake


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "edged.toml"
    path.write_text(f'[paths]\ndata = "{tmp_path / "data"}"\nruntime = "{tmp_path / "run"}"\n')
    return path


def edged_code(settings: Path, *words: str, typed: str = "") -> Result:
    command, *rest = words
    return CliRunner().invoke(main, ["code", command, "--config", str(settings), *rest], input=typed)


def test_a_code_is_made_and_told_with_its_link(control: FakeControl, settings: Path) -> None:
    words = ("create", "--video", "porch", "--recordings", "porch", "--description", "Grandma", "--for", "2d")
    result = edged_code(settings, *words, "--viewers", "3")

    assert result.exit_code == 0
    assert result.output.splitlines()[:2] == [
        "Code  HTGM-Q7PW",
        "Link  http://box/watch/porch?access_code=HTGM-Q7PW",
    ]
    ((method, path, wish),) = control.asked
    assert (method, path) == ("POST", "/api/access-codes")
    assert wish.pop("expires_at") == pytest.approx(time.time() + 2 * 86400, abs=60)
    assert wish == {
        "description": "Grandma",
        "media_items": [
            {"media_type": "video", "media_slug": "porch"},
            {"media_type": "recordings", "media_slug": "porch"},
        ],
        "most_viewers": 3,
    }


def test_own_words_come_by_standard_input(control: FakeControl, settings: Path) -> None:
    words = ("create", "--video", "porch", "--until-revoked", "--code-stdin")
    assert edged_code(settings, *words, typed="hase igel fuchs\n").exit_code == 0
    assert control.asked[0][2]["code"] == "hase igel fuchs"
    assert control.asked[0][2]["expires_at"] is None
    assert control.asked[0][2]["description"]


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--until-revoked"),
        ("create", "--video", "porch"),
        ("create", "--video", "porch", "--for", "2d", "--until-revoked"),
        ("create", "--video", "porch", "--for", "0d"),
        ("create", "--video", "porch", "--for", "2 days"),
        ("create", "--video", "porch", "--until-revoked", "--viewers", "0"),
        ("renew", "c0ffee"),
        ("revoke",),
    ],
)
def test_wrong_use_is_exit_code_2_and_asks_nothing(
    control: FakeControl, settings: Path, words: tuple[str, ...]
) -> None:
    assert edged_code(settings, *words).exit_code == 2
    assert control.asked == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "until revoked"),
        ({"expires_at": "2026-12-01T18:00:00Z"}, "until 2026-12-01T18:00:00Z"),
        ({"state": "revoked"}, "revoked"),
        ({"open_items": []}, "video of porch (not shared any more); until revoked"),
        ({"state": "owner-lost"}, "closed: its owner may not share it any more"),
        ({"state": "expired", "description": ""}, "without a note (root): video of porch; expired"),
    ],
)
def test_the_list_says_when_each_ends(
    control: FakeControl, settings: Path, change: dict[str, Any], told: str
) -> None:
    control.shown = {**SHOWN, **change}
    result = edged_code(settings, "list")
    assert result.output.startswith("c0ffee  …DR  ")
    assert result.output.endswith(told + "\n")
    assert json.loads(edged_code(settings, "list", "--json").output) == [control.shown]


def test_a_code_is_renewed_and_revoked(control: FakeControl, settings: Path) -> None:
    assert edged_code(settings, "renew", "c0ffee", "--until", "2026-12-01T18:00:00Z").exit_code == 0
    assert edged_code(settings, "revoke", "a/b c").exit_code == 0
    assert control.asked == [
        ("PATCH", "/api/access-codes/c0ffee", {"expires_at": "2026-12-01T18:00:00Z"}),
        ("DELETE", "/api/access-codes/a%2Fb%20c", None),
    ]


def test_a_refusal_is_one_line(control: FakeControl, settings: Path) -> None:
    result = edged_code(settings, "revoke", "unknown")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_without_a_daemon_it_says_how_to_start_it(settings: Path) -> None:
    result = edged_code(settings, "list")
    assert result.exit_code == 1
    assert "systemctl start edged" in result.output

"""The doctor tells who may ask edged in the folder of a proxy, or what keeps everybody from it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from edged.config import Config
from edged.doctor import checkup
from edged.doctor.line import Line
from edged.doctor.proxy import proxy_lines
from edged.doctor.running import State


def look(folder: Path, state: State = "answers", names: Sequence[str] = (), why: str = "So.") -> Line:
    (line,) = proxy_lines(str(folder), state=state, who_may=lambda _: names, why_not=lambda _: why)
    return line


def test_where_no_proxy_is_wanted_nothing_is_said() -> None:
    assert not list(proxy_lines("", state="answers"))


def test_who_may_ask_is_named(tmp_path: Path) -> None:
    line = look(tmp_path, names=["nginx", "www-data"])
    assert (line.id, line.status) == ("proxy", "ok")
    assert line.what == f"nginx may ask edged in {tmp_path} when it runs as nginx or www-data."


@pytest.mark.parametrize(
    ("state", "status"), [("answers", "ok"), ("down", "ok"), ("hung", "warn"), ("unasked", "warn")]
)
def test_sockets_that_nobody_may_open_are_told_unless_the_daemon_knows_better(
    tmp_path: Path, state: State, status: str
) -> None:
    line = look(tmp_path, state)
    assert line.status == status
    assert ("So." in line.what) == (status == "warn")


def test_a_folder_that_will_not_do_is_told_with_the_remedy(tmp_path: Path) -> None:
    line = look(tmp_path / "missing", "down")
    assert line.status == "warn"
    assert f"Make the folder {tmp_path / 'missing'}" in line.what


def test_sockets_that_are_not_there_are_told(tmp_path: Path) -> None:
    (line,) = proxy_lines(str(tmp_path), state="answers")
    assert line.status == "warn"
    assert "No such file" in line.what


def test_who_may_not_look_is_told_so_and_no_trouble_is_made_up(tmp_path: Path) -> None:
    def closed(_: Path) -> Sequence[str]:
        raise PermissionError(13, "Permission denied")

    (line,) = proxy_lines(str(tmp_path), state="answers", who_may=closed)
    assert (line.status, line.remedy) == ("warn", "Ask as root.")


def test_what_the_daemon_says_of_it_is_not_said_again() -> None:
    for told, is_asked in (({"web.proxy_unserved"}, False), (set[str](), True)):
        assert ("proxy" in checkup.with_settings(Config(), state="answers", told=told)) == is_asked

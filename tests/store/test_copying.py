"""A copy is whole or not there, and never takes the place of anything."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edged.store.copying import copy_database


@pytest.fixture
def source(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "source.sqlite3", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE kept (value)")
        connection.execute("INSERT INTO kept VALUES (1)")
        yield connection


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} - {"source.sqlite3"}


def test_copy_holds_the_same_and_is_private(source: sqlite3.Connection, tmp_path: Path) -> None:
    copy_database(source, tmp_path / "copy")

    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT value FROM kept").fetchall() == [(1,)]
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == {"copy"}


def test_what_is_in_its_place_stays(source: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        copy_database(source, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == b"theirs"
    assert names(tmp_path) == {"copy"}


def test_what_a_power_cut_left_is_in_nobodys_way(source: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "copy.new").write_bytes(b"half")
    (tmp_path / "copy.new-journal").write_bytes(b"half")

    copy_database(source, tmp_path / "copy")

    assert names(tmp_path) == {"copy"}

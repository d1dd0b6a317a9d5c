"""What is open of one database: the writer's and the reader's connection, and the probe of its files."""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from edged.store.opening import Begin, connect, open_database
from edged.store.probe import Probe


class Handles(NamedTuple):
    """In the order in which they are closed: the probe must be the last, see there."""

    reader: sqlite3.Connection
    writer: sqlite3.Connection
    probe: Probe

    def close(self) -> None:
        """Close all."""
        for each in self:
            each.close()


def open_handles(
    path: Path, clock: Callable[[], float], begin: Begin | None = None
) -> tuple[Handles, Path | None]:
    """Open the database at `path`, and where a damaged one was set aside to; see `open_database`."""
    with ExitStack() as opened:
        writer, damaged = open_database(path, clock, begin)
        opened.callback(writer.close)
        reader = connect(path, read_only=True)
        opened.callback(reader.close)
        handles = Handles(reader, writer, Probe(path))
        opened.pop_all()
        return handles, damaged

"""Numbered migrations: `edged/migrations/NNNN_words.sql`, each done whole or not at all.

`PRAGMA user_version` is the number of the last one done; it is part of the same transaction.
"""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edged.errors import StoreError

# "edgd": marks the file as ours (sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x65646764
FOLDER = Path(__file__).parent.parent / "migrations"


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to today's schema. Raises StoreError for one of a newer edged, sqlite3.Error."""
    steps = known_migrations()
    newest = max(steps)
    if _version(connection) > newest:
        raise StoreError(_newer(_version(connection), newest))
    for number in sorted(steps):
        _step(connection, number, steps[number])


def known_migrations() -> dict[int, str]:
    """The SQL of each migration by its number."""
    return {int(entry.name[:4]): entry.read_text("utf-8") for entry in FOLDER.glob("*.sql")}


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit on the way."""
    statement = ""
    for part in re.split(r"(?<=;)", script):
        statement += part
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _step(connection: sqlite3.Connection, number: int, script: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have done it meanwhile.
        if _version(connection) < number:
            for statement in statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _newer(found: int, newest: int) -> str:
    return (
        f"the database was made by a newer edged (schema {found}, this one knows {newest}). "
        "Install that edged again, or move the database away and claim the box anew."
    )

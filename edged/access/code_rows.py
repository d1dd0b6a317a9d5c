"""Access codes as they are kept in the database. Everything here runs inside a thread of the store."""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from edged.access.code_record import AccessCode
from edged.access.subject import Item

_COLUMNS = (
    "id, owner, description, hint, own_words, most_viewers, created_at, renewed_at, expires_at, ended_at, "
    "revoked_at, last_used_at"
)


class KeptCode(msgspec.Struct, frozen=True):
    """A code, and the hash that it is found by."""

    words_hash: bytes
    code: AccessCode


def all_codes(connection: sqlite3.Connection) -> list[KeptCode]:
    """Every code, oldest first."""
    items: dict[str, list[Item]] = {}
    for code, media_type, slug in connection.execute(
        "SELECT code, media_type, media_slug FROM access_code_item"
    ):
        items.setdefault(code, []).append(Item(media_type=media_type, media_slug=slug))
    rows = connection.execute(f"SELECT words_hash, {_COLUMNS} FROM access_code ORDER BY created_at, id")  # noqa: S608
    return [KeptCode(row[0], _code(row[1:], tuple(sorted(items.get(row[1], ()))))) for row in rows]


def insert_code(connection: sqlite3.Connection, kept: KeptCode) -> None:
    """Add a code. Raises sqlite3.IntegrityError when its owner is gone."""
    code = kept.code
    connection.execute(
        f"INSERT INTO access_code (words_hash, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            kept.words_hash,
            code.id,
            code.owner or None,
            code.description,
            code.hint,
            code.own_words,
            code.most_viewers,
            code.created_at,
            code.renewed_at,
            code.expires_at,
            code.ended_at,
            code.revoked_at,
            code.last_used_at,
        ),
    )
    connection.executemany(
        "INSERT INTO access_code_item (code, media_type, media_slug) VALUES (?, ?, ?)",
        [(code.id, item.media_type, item.media_slug) for item in code.items],
    )


def update_code(connection: sqlite3.Connection, old_id: str, kept: KeptCode) -> bool:
    """Write a renewed code, with new words where it has some; False when it is gone or revoked."""
    code = kept.code
    done = connection.execute(
        "UPDATE access_code SET id = ?, words_hash = ?, hint = ?, own_words = ?, renewed_at = ?,"
        " expires_at = ?, ended_at = NULL WHERE id = ? AND revoked_at IS NULL",
        (
            code.id,
            kept.words_hash,
            code.hint,
            code.own_words,
            code.renewed_at,
            code.expires_at,
            old_id,
        ),
    )
    return done.rowcount == 1


def write_ends(connection: sqlite3.Connection, codes: Iterable[AccessCode]) -> None:
    """Write when codes ended or were revoked; one that is so already, on disk, stays so."""
    connection.executemany(
        "UPDATE access_code SET ended_at = coalesce(?, ended_at), revoked_at = coalesce(revoked_at, ?)"
        " WHERE id = ?",
        [(code.ended_at, code.revoked_at, code.id) for code in codes],
    )


def revoke_of(connection: sqlite3.Connection, owner: str, now: float, but: Collection[str] = ()) -> None:
    """Revoke all codes of an account that have not ended, but for these ids."""
    marks = ", ".join("?" * len(but))
    connection.execute(
        "UPDATE access_code SET revoked_at = ?"  # noqa: S608
        f" WHERE owner = ? AND revoked_at IS NULL AND ended_at IS NULL AND id NOT IN ({marks})",
        (now, owner, *but),
    )


def write_uses(connection: sqlite3.Connection, codes: Iterable[AccessCode]) -> None:
    """Write when codes were used last."""
    connection.executemany(
        "UPDATE access_code SET last_used_at = ? WHERE id = ?",
        [(code.last_used_at, code.id) for code in codes],
    )


def delete_codes(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forget codes."""
    connection.executemany("DELETE FROM access_code WHERE id = ?", [(code_id,) for code_id in ids])


def _code(row: tuple[Any, ...], items: tuple[Item, ...]) -> AccessCode:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    fields |= {"owner": fields["owner"] or "", "own_words": bool(fields["own_words"])}
    return AccessCode(**fields, items=items)

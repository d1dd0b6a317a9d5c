"""What a request brings to be known by, besides its cookie: the words of an access code, and a viewer's id.

Both are taken out of the address before anybody else sees it, so that no log, no redirect, no error page and
no question to the media engine can hold them.
"""

import re
from typing import cast
from urllib.parse import quote, unquote_plus

from edged.web.server.asgi import Scope

CODE, VIEWER = "access_code", "viewer"
MOST_WORDS = 200

_CODE_KEY, _VIEWER_KEY = "edged.access_code", "edged.viewer"
_VIEWER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def take_out(scope: Scope) -> None:
    """Move what identifies a guest from the query to where only `code_words` and `viewer_id` find it.

    The first of several counts. A code that cannot be one is kept as an empty one: brought, and wrong.
    """
    query: bytes = scope["query_string"]
    if not query:
        return
    left, code, viewer = split_query(query)
    if code is not None:
        scope[_CODE_KEY] = code
    if viewer is not None:
        scope[_VIEWER_KEY] = viewer if _VIEWER.fullmatch(viewer) else ""
    scope["query_string"] = left


def split_query(query: bytes) -> tuple[bytes, str | None, str | None]:
    """A query without the two, the words of the code (None without one), and the viewer's id."""
    left: list[bytes] = []
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        name = unquote_plus(key.decode("latin-1"))
        if name not in {CODE, VIEWER}:
            left.append(pair)
        elif name not in found:
            found[name] = _words(value)
    return b"&".join(left), found.get(CODE), found.get(VIEWER)


def code_words(scope: Scope) -> str | None:
    """The words of the access code that was brought, right or wrong; None without one."""
    return cast("str | None", scope.get(_CODE_KEY))


def bring(scope: Scope, words: str | None, viewer: str | None = None) -> None:
    """Have the request count as one that brought this code."""
    if words is not None:
        scope[_CODE_KEY] = words
    if viewer is not None:
        scope[_VIEWER_KEY] = viewer if _VIEWER.fullmatch(viewer) else ""


def viewer_id(scope: Scope) -> str:
    """The id that the player gave itself, "" without one."""
    return str(scope.get(_VIEWER_KEY, ""))


def viewer_in(scope: Scope) -> Scope:
    """As much of a request as `viewer_id` needs later."""
    return {_VIEWER_KEY: viewer_id(scope)}


def to_carry(scope: Scope) -> str:
    """The query that has to stand behind every address this guest is told, "" without a code."""
    words = code_words(scope)
    if not words:
        return ""
    carried = f"{CODE}={quote(words, safe='')}"
    viewer = viewer_id(scope)
    return f"{carried}&{VIEWER}={viewer}" if viewer else carried


def _words(value: bytes) -> str:
    try:
        words = unquote_plus(value.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        return ""
    return words if len(words) <= MOST_WORDS and words.isprintable() else ""

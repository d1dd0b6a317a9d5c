"""What may be asked of HLS: names and delivery directives, checked before anything goes upstream.

And the playlists of guests: addresses in them carry the guest's code, for players that no script helps.
"""

import re
from functools import lru_cache
from urllib.parse import parse_qsl

from edged.web.server.asgi import Refused

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_SKIPS = frozenset({"YES", "v2"})
PLAYLIST = ".m3u8"
# An address stands alone in its line, or in an attribute (RFC 8216, 4.1 and 4.2).
_ADDRESS = re.compile(rb'^[^#\s][^\r\n]*|(?<=[:,]URI=")[^"\r\n]+', re.MULTILINE)


def check_name(name: str) -> str:
    """The name of a playlist, part or segment as it may go upstream. Raises Refused(404)."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise Refused(404)
    return name


@lru_cache(maxsize=256)
def check_query(name: str, query: bytes) -> str:
    """Delivery directives in one canonical order, so that the same question is one fetch.

    Only playlists have any. Raises Refused(400) for anything but `_HLS_msn`, `_HLS_part` and `_HLS_skip`
    (RFC 8216bis 6.2.5): unknown, doubled, not a number, or a part without its segment. The last answers are
    remembered: a whole audience asks the same at the same time.
    """
    if not query:
        return ""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=3
        )
    except ValueError as error:
        raise Refused(400) from error
    asked = dict(pairs)
    right = (
        name.endswith(PLAYLIST)
        and len(asked) == len(pairs)
        and asked.keys() <= {"_HLS_msn", "_HLS_part", "_HLS_skip"}
        and all(_NUMBER.fullmatch(asked[key]) for key in ("_HLS_msn", "_HLS_part") if key in asked)
        and ("_HLS_part" not in asked or "_HLS_msn" in asked)
        and asked.get("_HLS_skip", "YES") in _SKIPS
    )
    if not right:
        raise Refused(400)
    told = [f"{key}={int(asked[key])}" for key in ("_HLS_msn", "_HLS_part") if key in asked]
    if "_HLS_skip" in asked:
        told.append(f"_HLS_skip={asked['_HLS_skip']}")
    return "&".join(told)


def beneath(playlist: bytes, folder: str) -> bytes:
    """The playlist with every relative address in it one folder deeper."""
    before = f"{folder}/".encode()
    return _ADDRESS.sub(lambda match: match[0] if b"://" in match[0] else before + match[0], playlist)


def carrying(playlist: bytes, query: str) -> bytes:
    """The playlist with `query` behind every relative address in it."""
    behind = query.encode()

    def with_query(match: re.Match[bytes]) -> bytes:
        address = match[0].rstrip()
        if b"://" in address:
            return match[0]
        return address + (b"&" if b"?" in address else b"?") + behind

    return _ADDRESS.sub(with_query, playlist)

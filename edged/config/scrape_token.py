"""The rules of the token that a scraper of the figures must bring."""

import re
from pathlib import Path

LEAST = 16
MOST_BYTES = 4096
# What may follow "Bearer" (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
MAKE_ONE = "Make one: head -c 24 /dev/urandom | base64 > FILE"


def read_token(path: str) -> str:
    """The token that the file holds. Raises ValueError: what is wrong with it, and how one is made."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("ascii", "replace").strip()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}). {MAKE_ONE}") from error
    if not _TOKEN.fullmatch(text) or len(text) > MOST_BYTES:
        raise ValueError(f"must hold one token of letters, digits and ._~+/-= only. {MAKE_ONE}")
    if len(text) < LEAST:
        raise ValueError(f"the token must have at least {LEAST} characters. {MAKE_ONE}")
    return text

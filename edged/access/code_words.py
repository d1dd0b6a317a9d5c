"""The words of an access code: made, compared, and judged when somebody thinks up their own.

Made ones are 16 characters of an alphabet of 21, 70 bits: no character of it can be taken for another, and
without vowels it spells nothing. Words are compared without case, spaces, dashes, dots and underscores.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from edged.access.easy_words import EASY
from edged.access.values import Unacceptable

LETTERS = "34679CDFGHJKMNPQRTWXY"
LENGTH, GROUP = 16, 4
HINT = 2
LEAST_OWN, MOST_OWN = 10, 64
# What somebody who guesses has to get right, in characters of which each was free to choose.
LEAST_FREE = 8.0
LEAST_DISTINCT = 6
# Shorter names stand in too many words by chance.
LEAST_NAME, LEAST_PART = 4, 3

_BETWEEN = re.compile(r"[\s\-_.‐-―]+")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
)
_RUNS = tuple(row for forth in _ROWS for row in (forth, forth[::-1]))
# An easy word, a run or a repetition is worth about this many free characters, a year or date as well.
_EASY_WORTH = 1.5
_BETTER = "Add a few words that have nothing to do with each other, or let edged make a code."


def make_words() -> str:
    """New words, in groups with dashes between."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def plain(words: str) -> str:
    """What counts of the words, "" when nothing does."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", words[:200]).casefold())


def words_hash(words: str) -> bytes:
    """What is kept of the words, and found by."""
    return hashlib.sha256(b"edged code:" + plain(words).encode("utf-8", "surrogatepass")).digest()


def hint_of(words: str) -> str:
    """The last two characters: enough to tell codes apart, far too few to guess by."""
    return plain(words)[-HINT:].upper()


def folded(words: str) -> str:
    """The plain words as who guesses thinks of them: digits of all scripts alike, letters without marks."""
    apart = unicodedata.normalize("NFKD", plain(words))
    bare = unicodedata.normalize("NFC", "".join(char for char in apart if not unicodedata.combining(char)))
    return "".join(str(unicodedata.decimal(char, char)) for char in bare)


def acceptable_words(words: str, known: Iterable[str] = (), cameras: Iterable[str] = ()) -> str:
    """Words that somebody thought up, as given but for spaces around.

    `known` are names that a stranger would try first (place, owner), `cameras` the names and slugs of what
    is shared: words that hold one whole are refused. Raises Unacceptable, which says why and what helps.
    """
    words = words.strip()
    counted = plain(words)
    if max(len(words), len(counted)) > MOST_OWN:  # compatibility forms of letters count as what they mean
        raise _weak(f"A code has at most {MOST_OWN} characters.")
    if not counted.isalnum():
        raise _weak("A code has letters, digits, spaces and dashes.")
    if len(counted) < LEAST_OWN:
        raise _weak(f"A code has at least {LEAST_OWN} letters and digits; dashes and spaces do not count.")
    bare = folded(words)
    if len(set(bare)) < LEAST_DISTINCT:
        raise _weak(f"This code repeats the same few characters. {_BETTER}")
    cameras = tuple(cameras)
    for name in cameras:
        if len(folded(name)) >= LEAST_NAME and folded(name) in bare:
            raise _weak(f"This code is too weak: “{plain(name)}” in it is the camera's name. {_BETTER}")
    names = [each for name in (*known, *cameras) for each in (name, *_BETWEEN.split(name))]
    for judged, form in ((counted, plain), (bare, folded)):
        free, easy = free_characters(judged, {form(name) for name in names if len(form(name)) >= LEAST_PART})
        if free < LEAST_FREE:
            break
    if free < LEAST_FREE:
        because = f"“{easy}” in it is easy to guess" if easy else "it is easy to guess"
        raise _weak(f"This code is too weak: {because}. {_BETTER}")
    return words


def free_characters(counted: str, names: Iterable[str] = ()) -> tuple[float, str]:
    """How many characters of the plain words were free to choose, and the longest piece that was not."""
    easy_words = EASY.union(names)
    longest = max(map(len, easy_words))
    # Dynamic programming: the cheapest way to say the first n characters is the way somebody would guess.
    least, piece = [0.0], [""]
    for end in range(1, len(counted) + 1):
        best, last = least[end - 1] + 1.0, ""
        for start in range(max(0, end - max(longest, MOST_OWN)), end - 2):
            part = counted[start:end]
            if least[start] + _EASY_WORTH < best and (part in easy_words or _is_easy(part)):
                best, last = least[start] + _EASY_WORTH, part
        least.append(best)
        piece.append(last)
    return least[-1], max(_pieces(piece), key=len, default="")


def _pieces(piece: list[str]) -> list[str]:
    found, at = [], len(piece) - 1
    while at > 0:
        if piece[at]:
            found.append(piece[at])
        at -= len(piece[at]) or 1
    return found


def _is_easy(part: str) -> bool:
    """Whether it is a run of the alphabet or keyboard, a repetition, a year or a date."""
    if any(part in run for run in _RUNS) or len(set(part)) == 1:
        return True
    step = ord(part[1]) - ord(part[0])
    if abs(step) == 1 and all(ord(after) - ord(before) == step for before, after in pairwise(part)):
        return True  # the alphabet of another script
    half, odd = divmod(len(part), 2)
    if not odd and half >= 2 and part[:half] == part[half:]:
        return True
    return bool(_DATE.fullmatch(part))


_DATE = re.compile(r"(19|20)\d\d((0\d|1[0-2])([0-2]\d|3[01])?)?|([0-2]\d|3[01])(0\d|1[0-2])((19|20)?\d\d)?")


def _weak(message: str) -> Unacceptable:
    return Unacceptable("code", message)

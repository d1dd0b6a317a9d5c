"""Every word that a person reads in the browser: one catalogue, English first.

Keys say where a sentence stands. Values are format strings; `{name}` and the like are filled by `say`.
Keys that begin with `player.` also go to the script, which fills them in the same way.
"""

from collections.abc import Mapping

from edged.web.words.people import PEOPLE
from edged.web.words.sharing import SHARING
from edged.web.words.system import SYSTEM
from edged.web.words.watching import WATCHING

ENGLISH: Mapping[str, str] = {**WATCHING, **SHARING, **PEOPLE, **SYSTEM}


def say(key: str, **values: object) -> str:
    """The words of `key`, filled with `values`. An unknown key is a mistake of ours: KeyError."""
    words = ENGLISH[key]
    return words.format(**values) if values else words


def count(what: str, n: int) -> str:
    """`n` of something (`days`, `clips`) with the right plural."""
    return say(f"count.{what}.{'one' if n == 1 else 'many'}", n=f"{n:,}".replace(",", "\u202f"))


def size(amount: int) -> str:
    """Bytes in words: GB (10^9) from 1 GB on, else MB, never less than 0.1 MB."""
    if amount >= 1_000_000_000:
        return say("size.gb", n=f"{amount / 1e9:.1f}")
    mega = max(amount / 1e6, 0.1)
    return say("size.mb", n=f"{mega:.0f}" if mega >= 10 else f"{mega:.1f}")


def duration(seconds: float) -> str:
    """Seconds in words, as exact as a person wants them."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return say("duration.h_min", h=hours, min=left)
    if minutes and rest and minutes < 10:
        return say("duration.min_s", min=minutes, s=rest)
    if minutes:
        return say("duration.min", min=minutes)
    return say("duration.s", s=rest)


def script_words() -> dict[str, str]:
    """What the player says, for the script; keys without their `player.`."""
    return {key.removeprefix("player."): words for key, words in ENGLISH.items() if key.startswith("player.")}

import re
from pathlib import Path

import pytest

from edged.web import words
from edged.web.words import people as words_people
from edged.web.words import sharing as words_sharing
from edged.web.words import system as words_system
from edged.web.words import watching as words_watching

WEB = Path(words.__file__).parent.parent


def used_keys() -> set[str]:
    """Every key that templates and Python ask for by its whole name."""
    sources = [*WEB.glob("templates/*.html"), *WEB.glob("*.py")]
    found: set[str] = set()
    for source in sources:
        found |= set(re.findall(r"""(?:say|marked)\(["']([\w.\-]+)["'][,)]""", source.read_text()))
    return found


def test_no_key_is_in_two_parts_of_the_catalogue() -> None:
    parts = [words_watching.WATCHING, words_sharing.SHARING, words_people.PEOPLE, words_system.SYSTEM]
    assert len(words.ENGLISH) == sum(map(len, parts))


def test_every_key_that_is_asked_for_has_words() -> None:
    assert len(used_keys()) > 50
    assert used_keys() - set(words.ENGLISH) == set()


def test_every_state_that_the_player_shows_has_words() -> None:
    script = (WEB / "static/js/player.js").read_text() + (WEB / "static/js/controls.js").read_text()
    said = [r"""say\("([\w\-]+)\"""", r"#(?:show|end)\(\"([\w\-]+)\"", r"return \"([\w\-]+)\";"]
    chosen = [r"#why = (.+);", r"const OVER = (.+);", r"const (?:SOON|HELD) = (\{.+?\})"]
    choices = " ".join(choice for how in chosen for choice in re.findall(how, script))
    asked = {word for how in said for word in re.findall(how, script)}
    asked |= set(re.findall(r"\"([\w\-]+)\"", choices))
    assert {"signed-out", "starting", "frozen", "reconnecting", "unplugged"} <= asked
    assert asked - {"live"} - set(words.script_words()) == set()


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0.1 MB"),
        (950_000, "0.9 MB"),
        (22_400_000, "22 MB"),
        (1_000_000_000, "1.0 GB"),
        (32_049_000_000, "32.0 GB"),
    ],
)
def test_sizes_are_said_in_megabytes_and_gigabytes(amount: int, said: str) -> None:
    assert words.size(amount) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (60.6, "1 min 1 s"),
        (754, "12 min"),
        (3600, "1 h 0 min"),
        (-3, "0 s"),
    ],
)
def test_durations_are_said_in_words(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_counts_know_one_from_many() -> None:
    assert words.count("clips", 1) == "1 clip"
    assert words.count("clips", 1440) == "1\u202f440 clips"

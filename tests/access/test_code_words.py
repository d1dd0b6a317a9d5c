"""Words of codes can be typed and not guessed; own words are refused with the reason."""

import contextlib
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.access.code_words import (
    HINT,
    LETTERS,
    MOST_OWN,
    acceptable_words,
    hint_of,
    make_words,
    plain,
    words_hash,
)
from edged.access.values import Unacceptable


def test_made_words_cannot_be_guessed_even_by_who_sees_their_hint() -> None:
    made = {make_words() for _ in range(500)}
    assert len(made) == 500
    assert all(len(plain(words)) == 16 and set(plain(words).upper()) <= set(LETTERS) for words in made)
    assert (16 - HINT) * math.log2(len(LETTERS)) >= 60  # bits


def test_no_letter_of_made_words_looks_like_another() -> None:
    for alike in ("0O", "1IL", "2Z", "5S", "8B", "UV", "0Q"):
        assert len(set(alike) & set(LETTERS)) <= 1, alike
    assert not set("AEIOU") & set(LETTERS)


@pytest.mark.parametrize(
    "typed", ["abcd efgh", "ABCD-EFGH", " abcdefgh ", "AbCd_EfGh", "abcd–efgh", "abcd.efgh", "ＡＢＣＤefgh"]
)
def test_words_are_the_same_however_they_are_typed(typed: str) -> None:
    assert words_hash(typed) == words_hash("ABCD-EFGH")


@given(st.text(max_size=300))
def test_anything_can_be_typed(text: str) -> None:
    assert len(words_hash(text)) == 32
    with contextlib.suppress(Unacceptable):
        assert words_hash(acceptable_words(text)) == words_hash(text)


@pytest.mark.parametrize(
    "words", ["correct horse battery staple", "villa kunterbunt am see", "Hase-Igel-Fuchs", "t7xq 9fme 2kdp"]
)
def test_good_own_words_are_taken(words: str) -> None:
    assert acceptable_words(f" {words} ") == words


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("hase igel", "at least 10"),
        ("a-b-c-d-e-f-g-h", "at least 10"),
        ("x" * (MOST_OWN + 1), "at most 64"),
        ("ababababababab", "repeats the same few"),
        ("abcabcabcabcabcabcdef", "too weak"),
        ("password1234", "“password”"),
        ("qwertyuiop12", "“qwertyuiop”"),
        ("zyxwvutsrqpo", "too weak"),
        ("31121999 24122001", "too weak"),
        ("my front door camera", "too weak"),
        ("summer party 2026", "“summer”"),
        ("hühnerstall 2026", "“hühnerstall”"),
        ("huhnerstall 2026", "“huhnerstall”"),
        ("١٢٣٤٥٦٧٨٩٠", "too weak"),
        ("абвгдежзийкл", "too weak"),
        ("pàsswörd१२३४", "“password”"),
        ("hello/../etc/passwd", "letters, digits"),
        ("drop table;", "letters, digits"),
        ("tab\there\x00 and there", "letters, digits"),
        ("", "letters, digits"),
    ],
)
def test_weak_own_words_are_refused_with_the_reason_and_what_helps(words: str, why: str) -> None:
    with pytest.raises(Unacceptable, match=why):
        acceptable_words(words, ["Hühnerstall"])


@pytest.mark.parametrize("words", ["marble onion fence Front-Döör", "tür marble onion FRONTDOOR fence"])
def test_own_words_do_not_hold_the_name_of_what_they_open(words: str) -> None:
    with pytest.raises(Unacceptable, match="is the camera's name"):
        acceptable_words(words, cameras=["front-door"])
    assert acceptable_words("marble onion fence front", cameras=["front-door", "on"])


@pytest.mark.parametrize(
    "words",
    ["x9k3m7q2p5" * 6, "abcdefghij" * 6, "\ufdfa" * MOST_OWN, "front" * 12, "\uac01\uac02\ub098\ub2e4" * 16],
)
def test_the_longest_words_are_judged_quickly(words: str) -> None:
    begun = time.process_time()
    with pytest.raises(Unacceptable):
        acceptable_words(words)
    assert time.process_time() - begun < 0.2


def test_a_hint_is_two_characters() -> None:
    assert hint_of("HTGM-Q7PW-6YQK-MMDR") == "DR"

"""What is typed to share something: taken as meant, or refused by its field."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.access.subject import Item
from edged.web.pages.codes_form import (
    LASTS,
    MOST_VIEWERS,
    read_end,
    read_items,
    read_moment,
    read_wish,
)

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC).timestamp()
VIDEO, FOOTAGE = Item(media_type="video", media_slug="door"), Item(media_type="recordings", media_slug="door")
TYPED = {"description": "Neighbours", "lasts": "24h"}


def anything(item: Item) -> bool:
    return True


def test_the_short_form_needs_a_name_and_one_tick() -> None:
    wish, errors = read_wish(TYPED, ["video:door", "recordings:door"], may_share=anything, now=NOW)
    assert errors == {}
    assert wish is not None
    assert (wish.description, wish.items, wish.expires_at) == ("Neighbours", (VIDEO, FOOTAGE), NOW + 86_400)
    assert (wish.words, wish.most_viewers) == (None, None)


@pytest.mark.parametrize(
    ("change", "ticked", "field"),
    [
        ({"description": " "}, ["video:door"], "description"),
        ({"description": "x" * 101}, ["video:door"], "description"),
        ({"description": "two\nlines"}, ["video:door"], "description"),
        ({}, [], "what"),
        ({}, ["video:"], "what"),
        ({}, ["sound:door"], "what"),
        ({}, ["video:garden"], "what"),
        ({"lasts": "date"}, ["video:door"], "until"),
        ({"lasts": "date", "until": "2026-03-05T11:59", "offset": "0"}, ["video:door"], "until"),
        ({"lasts": "for ever"}, ["video:door"], "until"),
        ({"most_viewers": "0"}, ["video:door"], "most_viewers"),
        ({"most_viewers": "many"}, ["video:door"], "most_viewers"),
        ({"most_viewers": str(MOST_VIEWERS + 1)}, ["video:door"], "most_viewers"),
        ({"most_viewers": "٣"}, ["video:door"], "most_viewers"),
        ({"words": "w" * 65}, ["video:door"], "words"),
    ],
)
def test_what_cannot_be_taken_is_told_by_its_field(
    change: dict[str, str], ticked: list[str], field: str
) -> None:
    wish, errors = read_wish(
        TYPED | change, ticked, may_share=lambda item: item.media_slug == "door", now=NOW
    )
    assert wish is None
    assert list(errors) == [field]


def test_a_date_is_meant_in_the_zone_of_who_chose_it() -> None:
    # In Berlin UTC is 60 minutes behind in winter, so browsers say -60.
    berlin = read_moment("2026-03-05T14:00", "-60")
    assert berlin == datetime(2026, 3, 5, 13, 0, tzinfo=UTC).timestamp()
    assert read_moment("2026-03-05T14:00", "480") == datetime(2026, 3, 5, 22, 0, tzinfo=UTC).timestamp()


def test_without_script_a_date_is_meant_in_the_zone_of_the_box() -> None:
    meant = datetime(2026, 3, 5, 14, 0).astimezone().timestamp()
    assert read_moment("2026-03-05T14:00", "") == meant
    assert read_moment("2026-03-05T14:00", "90000") == meant


@pytest.mark.parametrize("lasts", ["1h", "24h", "7d", "always"])
def test_each_choice_ends_when_it_says(lasts: str) -> None:
    seconds = LASTS[lasts]
    assert read_end({"lasts": lasts}, now=NOW) == (None if seconds is None else NOW + seconds, "")


@given(st.dictionaries(st.sampled_from(["lasts", "until", "offset", "most_viewers", "words"]), st.text()))
def test_whatever_is_typed_is_taken_or_refused(values: dict[str, str]) -> None:
    wish, errors = read_wish(TYPED | values, ["video:door"], may_share=anything, now=NOW)
    assert (wish is None) == bool(errors)
    if wish is not None and wish.expires_at is not None:
        assert wish.expires_at > NOW


@given(st.lists(st.text(max_size=120)))
def test_whatever_is_ticked_is_an_item_or_nothing(ticked: list[str]) -> None:
    found = read_items(ticked)
    assert found is None or all(f"{item.media_type}:{item.media_slug}" in ticked for item in found)

"""Every event is counted; the journal tells who, from where and by which code, and is not flooded."""

import logging
from pathlib import Path

import pytest
from access.code_house import EVE, PASSWORD, open_house
from lab.clock import Clock

from edged.access.audit import BURST, EVENTS, Audit


def test_a_line_has_the_fields_and_no_others(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit(Clock(0.0))
    with caplog.at_level(logging.INFO):
        audit.note("code_revoked", user="eve", by="anna", code="c0ffee", address="192.0.2.1")
    (record,) = caplog.records
    assert record.getMessage() == "access code revoked for eve by anna"
    fields = {name: getattr(record, name) for name in ("EVENT", "USER", "ADDRESS", "CODE", "BY")}
    assert fields == {
        "EVENT": "code_revoked",
        "USER": "eve",
        "ADDRESS": "192.0.2.1",
        "CODE": "c0ffee",
        "BY": "anna",
    }


async def test_the_journal_tells_what_an_account_may_from_now_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(tmp_path) as house:
        with caplog.at_level(logging.INFO):
            await house.accounts.create_user(username="max", password=PASSWORD, role="viewer")
            await house.accounts.set_cameras("eve", ["hall", "garden"], by="anna")
            await house.accounts.set_cameras("eve", [], by="anna")
            await house.accounts.set_role("eve", "admin", by="anna")
    assert told(caplog, "USER", "ROLE", "CAMERAS") == [
        ("user_created", "max", "viewer", "all"),
        ("user_changed", "eve", "viewer", "garden,hall"),
        ("user_changed", "eve", "viewer", "none"),
        ("user_changed", "eve", "admin", "all"),
    ]


async def test_the_journal_tells_what_a_code_opens_until_when_and_what_it_was_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(tmp_path) as house:
        house.clock.now = 1_700_000_000.0
        with caplog.at_level(logging.INFO):
            old, words = await house.share(EVE, "porch", "garden", lasts=60.0)
            await house.codes.renew(old, EVE, None)
            new, fresh = await house.codes.change_words(old, EVE)
    assert told(caplog, "CODE", "CAMERAS", "UNTIL", "OLD_CODE") == [
        ("code_created", old, "garden,porch", "2023-11-14T22:14:20Z", None),
        ("code_renewed", old, "garden,porch", "revoked", None),
        ("code_renewed", new.id, "garden,porch", "revoked", old),
    ]
    lines = "".join(f"{record.__dict__}" for record in caplog.records)
    assert words not in lines
    assert fresh not in lines


def told(caplog: pytest.LogCaptureFixture, *fields: str) -> list[tuple[object, ...]]:
    """These fields of each line of the audit, behind its event."""
    return [
        tuple(getattr(record, field) for field in ("EVENT", *fields))
        for record in caplog.records
        if hasattr(record, "EVENT")
    ]


def test_every_event_is_counted_from_nought() -> None:
    audit = Audit(Clock(0.0))
    assert audit.counts == dict.fromkeys(EVENTS, 0)
    for event in EVENTS:
        audit.note(event)
    assert audit.counts == dict.fromkeys(EVENTS, 1)


def test_a_guesser_cannot_flood_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(0.0)
    audit = Audit(clock)
    with caplog.at_level(logging.INFO):
        for _ in range(10_000):
            audit.note("code_refused", address="192.0.2.1")
        audit.note("login_refused", address="192.0.2.1")
        assert len(caplog.records) == BURST + 1
        assert audit.counts["code_refused"] == 10_000
        clock.now += 60.0
        audit.note("code_refused", address="192.0.2.1")
    assert caplog.records[-1].getMessage() == "access code refused (9980 more before it)"


def test_what_admins_do_is_always_told(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit(Clock(0.0))
    with caplog.at_level(logging.INFO):
        for _ in range(500):
            audit.note("code_created", user="anna")
    assert len(caplog.records) == 500

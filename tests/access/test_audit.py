"""Every event is counted; the journal tells who, from where and by which code, and is not flooded."""

import logging

import pytest

from edged.access.audit import BURST, EVENTS, Audit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_has_the_fields_and_no_others(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit(Clock())
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


def test_every_event_is_counted_from_nought() -> None:
    audit = Audit(Clock())
    assert audit.counts == dict.fromkeys(EVENTS, 0)
    for event in EVENTS:
        audit.note(event)
    assert audit.counts == dict.fromkeys(EVENTS, 1)


def test_a_guesser_cannot_flood_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
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
    audit = Audit(Clock())
    with caplog.at_level(logging.INFO):
        for _ in range(500):
            audit.note("code_created", user="anna")
    assert len(caplog.records) == 500

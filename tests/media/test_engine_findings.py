"""What is said of the media engine: that it is down, that it was, that it is not the one people want."""

from typing import Any, Literal

import msgspec
import pytest

from edged.health import Finding
from edged.media.engine import EngineHealth
from edged.media.findings import EngineFindings


class Room:
    def __init__(self, wanted: Literal["auto", "mediamtx", "embedded"] = "auto") -> None:
        self.health, self.now = EngineHealth(name="mediamtx", up=True), 0.0
        self.source = EngineFindings(lambda: self.health, wanted=wanted, monotonic=lambda: self.now)

    def look(self, **changes: Any) -> dict[str, Finding]:
        self.now += 1
        self.health = msgspec.structs.replace(self.health, **changes)
        return {finding.id: finding for finding in self.source.findings()}


def test_engine_that_runs_has_no_findings() -> None:
    room = Room()
    assert not any(room.look() for _ in range(100))


def test_engine_that_is_down_is_an_error_with_its_reason() -> None:
    found = Room().look(up=False, reason="MediaMTX was ended by signal 9")
    assert found["engine.down"].severity == "error"
    assert "signal 9" in found["engine.down"].cause


def test_engine_under_suspicion_is_a_warning_before_it_is_restarted() -> None:
    found = Room().look(reason="MediaMTX did not answer within 2 s")
    assert found.keys() == {"engine.silent"}
    assert found["engine.silent"].severity == "warning"


def test_restart_between_two_looks_is_still_told_and_often_ones_louder() -> None:
    room = Room()
    room.look()
    assert room.look(restarts=1)["engine.restarted"].severity == "info"
    for _ in range(60):
        found = room.look()
    assert not found
    assert room.look(restarts=4)["engine.restarts"].severity == "warning"


def test_restart_that_is_told_holds_on_while_the_engine_is_away_again() -> None:
    room = Room()
    room.look()
    assert room.look(up=False, reason="it ended", restarts=1).keys() == {"engine.down"}
    assert room.look(up=True, reason="").keys() == {"engine.restarted"}
    assert room.look(up=False, reason="it ended", restarts=2).keys() == {"engine.down", "engine.restarted"}
    assert room.look(up=True, reason="").keys() == {"engine.restarted"}
    for _ in range(60):
        found = room.look()
    assert not found


@pytest.mark.parametrize(("wanted", "told"), [("auto", True), ("embedded", False)])
def test_embedded_engine_is_only_worth_a_word_when_nobody_chose_it(
    wanted: Literal["auto", "embedded"], told: bool
) -> None:
    found = Room(wanted).look(name="embedded")
    assert ("engine.embedded" in found) is told

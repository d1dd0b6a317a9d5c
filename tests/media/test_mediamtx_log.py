"""What MediaMTX prints reaches our log at its level, in one line each, and can neither flood nor forge it."""

import logging

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import memory_stream_one_way_pair

from edged.media.mediamtx_log import LINES_PER_MINUTE, MAX_LINE, LogReader, parse_line

logger = logging.getLogger("test.mediamtx")


def line(level: str, message: str) -> bytes:
    return f'{{"timestamp":"2026-01-01T00:00:00Z","level":"{level}","message":"{message}"}}'.encode()


@pytest.mark.parametrize(
    ("level", "ours"),
    [("ERR", logging.ERROR), ("WAR", logging.WARNING), ("INF", logging.DEBUG), ("DEB", logging.DEBUG)],
)
def test_levels_are_kept_and_comings_and_goings_are_quiet(level: str, ours: int) -> None:
    assert parse_line(line(level, "[HLS] a")) == (ours, "[HLS] a")


def test_what_is_no_json_is_an_error() -> None:
    assert parse_line(b"panic: runtime error") == (logging.ERROR, "panic: runtime error")
    assert parse_line(rb'{"level":"INF","message":"\x00\a"}')[0] == logging.ERROR


def test_a_line_break_in_a_message_makes_no_second_line() -> None:
    assert parse_line(line("ERR", r"a\nb\u001b[2J"))[1] == "a b [2J"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    level, text = parse_line(data)
    assert level in {logging.DEBUG, logging.WARNING, logging.ERROR}
    assert text.isprintable()


async def said(
    caplog: pytest.LogCaptureFixture, *pieces: bytes, redact: str = "never there"
) -> tuple[LogReader, list[str]]:
    send, receive = memory_stream_one_way_pair()
    reader = LogReader(logger, lambda text: text.replace(redact, "…"))
    with caplog.at_level(logging.INFO, logger=logger.name):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.read, receive)
            for piece in pieces:
                await send.send_all(piece)
            await send.aclose()
    return reader, caplog.messages


async def test_lines_cut_anywhere_come_out_whole(caplog: pytest.LogCaptureFixture) -> None:
    whole = line("WAR", "one") + b"\n" + line("ERR", "two") + b"\n" + line("ERR", "last words")
    reader, messages = await said(caplog, *(whole[n : n + 7] for n in range(0, len(whole), 7)))
    assert messages == ["mediamtx: one", "mediamtx: two", "mediamtx: last words"]
    assert reader.last_error == "last words"


async def test_secrets_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    reader, messages = await said(caplog, line("ERR", "bad key s3cr3t"), redact="s3cr3t")
    assert messages == ["mediamtx: bad key …"]
    assert "s3cr3t" not in reader.last_error


async def test_an_endless_line_is_cut_and_reading_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    _, messages = await said(caplog, b"x" * 3 * MAX_LINE, b"y" * MAX_LINE, b"\n" + line("ERR", "after"))
    assert messages == ["mediamtx: " + "x" * MAX_LINE, "mediamtx: after"]


async def test_a_flood_is_counted_not_told(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    flood = (line("WAR", "again") + b"\n") * (LINES_PER_MINUTE + 30)
    send, receive = memory_stream_one_way_pair()
    with caplog.at_level(logging.INFO, logger=logger.name):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(LogReader(logger, str).read, receive)
            await send.send_all(flood)
            await trio.sleep(61)
            await send.send_all(line("WAR", "later") + b"\n")
            await send.aclose()
    assert len(caplog.messages) == LINES_PER_MINUTE + 2
    assert caplog.messages[-2:] == ["mediamtx: 30 more lines were left out", "mediamtx: later"]


async def test_parts_of_uneven_length_are_told_once_an_hour_and_are_no_warning(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    uneven = line("WAR", "[HLS] [muxer porch] part duration changed from 1s to 2s") + b"\n"
    send, receive = memory_stream_one_way_pair()
    with caplog.at_level(logging.INFO, logger=logger.name):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(LogReader(logger, str).read, receive)
            for number in (LINES_PER_MINUTE, 1):
                await send.send_all(uneven * number + line("WAR", "another") + b"\n")
                await trio.sleep(3601)
            await send.aclose()
    uneven_told = [record for record in caplog.records if "part duration" in record.getMessage()]
    assert [record.levelno for record in uneven_told] == [logging.INFO] * 2
    assert f"last told: {LINES_PER_MINUTE})" in uneven_told[1].getMessage()
    assert caplog.messages.count("mediamtx: another") == 2

"""One event is one line, whatever is in it, and no secret gets out."""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged import log
from edged.log import forget_secret, one_line, register_secret, setup_logging, under_journal


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    log._secrets.clear()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    setup_logging("info", environ={}, stream=stream)
    return stream


logger = logging.getLogger("edged.cameras.worker")


def test_stderr_is_readable(stream: io.StringIO) -> None:
    logger.info("segment closed after %.1f s", 60.0, extra={"CAMERA": "porch", "segment": "a.mp4"})

    time, rest = stream.getvalue().split(" ", 1)
    assert len(time.split(":")) == 3
    assert rest == "INFO    cameras.worker: segment closed after 60.0 s (CAMERA=porch, SEGMENT=a.mp4)\n"


def test_the_level_is_kept(stream: io.StringIO) -> None:
    logger.debug("no")
    logging.getLogger("httpx").info("GET http://127.0.0.1/?token=x")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "httpcore.connection", "hypercorn.access"])
def test_libraries_that_tell_urls_are_not_heard_even_when_debugging(name: str) -> None:
    stream = io.StringIO()
    setup_logging("debug", environ={}, stream=stream)
    library = logging.getLogger(name)

    library.debug("GET http://127.0.0.1/cam/whep/8a6ce8bb-a-secret-session")
    library.info("GET http://127.0.0.1/cam/whep/8a6ce8bb-a-secret-session")
    library.warning("heard")

    assert "secret-session" not in stream.getvalue()
    assert "heard" in stream.getvalue()


def test_setting_up_again_replaces(stream: io.StringIO) -> None:
    other = io.StringIO()
    setup_logging("debug", environ={}, stream=other)

    logger.debug("once")

    assert stream.getvalue() == ""
    assert other.getvalue().count("once") == 1


def test_nobody_can_write_an_event_by_choosing_a_name(stream: io.StringIO) -> None:
    name = "x\n00:00:00 ERROR fake: all deleted\r\x1b[2J\u2028\x85\ud800"

    logger.warning("camera %s", name, extra={"CAMERA": name})

    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue().count("\\n00:00:00 ERROR fake") == 2
    assert "\x1b" not in stream.getvalue()


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(one_line(text).splitlines()) <= 1


def test_a_traceback_follows_in_lines_that_no_event_begins_with(stream: io.StringIO) -> None:
    try:
        raise ValueError("bad\n12:00:00 ERROR fake: gone")  # noqa: TRY301
    except ValueError:
        logger.exception("failed")

    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("ERROR   cameras.worker: failed")
    assert rest
    assert all(line.startswith("  | ") for line in rest)
    assert any("ValueError: bad" in line for line in rest)


def test_a_message_that_does_not_fit_its_arguments_is_logged_all_the_same(stream: io.StringIO) -> None:
    logger.info("%d of %d", "x")  # noqa: PLE1206

    assert "'%d of %d' with ('x',)" in stream.getvalue()


def test_secrets_are_blacked_out_everywhere(stream: io.StringIO) -> None:
    register_secret("tops3cret")
    try:
        raise ValueError("tops3cret in an error")  # noqa: TRY301
    except ValueError:
        logger.exception("said %s", "tops3cret", extra={"SESSION": "tops3cret"}, stack_info=True)

    assert "tops3cret" not in stream.getvalue()
    assert "said [secret] (SESSION=[secret])" in stream.getvalue()
    assert "ValueError: [secret] in an error" in stream.getvalue()


def test_passwords_in_urls_are_blacked_out(stream: io.StringIO) -> None:
    logger.info("publishing to %s", "rtsp://edged:hunter2@127.0.0.1:8554/porch")

    assert "publishing to rtsp://[secret]@127.0.0.1:8554/porch" in stream.getvalue()


def test_a_syllable_is_no_secret_and_a_forgotten_one_neither(stream: io.StringIO) -> None:
    register_secret("")
    register_secret("in")
    register_secret("tops3cret")
    forget_secret("tops3cret")
    forget_secret("never was")

    logger.info("tops3cret in")

    assert "tops3cret in" in stream.getvalue()


def test_the_journal_is_known_by_device_and_inode() -> None:
    with tempfile.TemporaryFile() as file:
        found = os.fstat(file.fileno())
        right = f"{found.st_dev}:{found.st_ino}"

        assert under_journal({"JOURNAL_STREAM": right}, file.fileno())
        for wrong in (f"{found.st_dev}:{found.st_ino + 1}", "", ":", "1", "a:b", right + ":1"):
            assert not under_journal({"JOURNAL_STREAM": wrong}, file.fileno())
        assert not under_journal({}, file.fileno())
        assert not under_journal({"JOURNAL_STREAM": right}, 10_000)


def connected(file: io.TextIOWrapper) -> dict[str, str]:
    found = os.fstat(file.fileno())
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_under_systemd_events_go_to_the_journal_with_their_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = pytest.importorskip("systemd.journal")
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(
        journal, "send", lambda message, **fields: sent.append({"MESSAGE": message, **fields})
    )
    register_secret("tops3cret")
    with tempfile.TemporaryFile("w+") as file:
        setup_logging("info", environ=connected(file), stream=file)

        logger.warning(
            "cut %s\nx", "tops3cret", extra={"CAMERA": "porch", "session": 5, "PRIORITY": "0", "none": None}
        )

        file.seek(0)
        assert file.read() == ""
    (event,) = sent
    assert event["MESSAGE"] == "cut [secret]\\nx"
    assert event["PRIORITY"] == "4"
    assert event["SYSLOG_IDENTIFIER"] == "edged"
    assert event["LOGGER"] == "edged.cameras.worker"
    assert event["CAMERA"] == "porch"
    assert event["SESSION"] == "5"
    assert "NONE" not in event
    assert not any("tops3cret" in str(value) for value in event.values())


def test_without_the_library_the_journal_gets_priorities_through_stderr(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    with tempfile.TemporaryFile("w+") as file:
        setup_logging("info", environ=connected(file), stream=file)
        try:
            raise ValueError  # noqa: TRY301
        except ValueError:
            logger.exception("failed", extra={"CAMERA": "porch"})

        file.seek(0)
        lines = file.read().splitlines()
    assert lines[0] == "<3>cameras.worker: failed (CAMERA=porch)"
    assert all(line.startswith("<3>  | ") for line in lines[1:])

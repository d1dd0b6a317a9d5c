"""Who may read the figures is settled before anything is served, or nothing is."""

from pathlib import Path

import pytest

from edged.config import MetricsSettings
from edged.errors import StartupError
from edged.log import blacked_out
from edged.metrics.token import load_token


def settings(path: Path | None, *listen: str) -> MetricsSettings:
    return MetricsSettings(listen=listen or ("127.0.0.1:9478",), token_file=str(path or ""))


def test_loopback_needs_no_token() -> None:
    assert load_token(settings(None, "127.0.0.1:1", "[::1]:1", "localhost:2")) == ""


@pytest.mark.parametrize("address", ["0.0.0.0:9478", "[::]:9478", "192.0.2.7:9478"])
def test_listening_to_others_without_a_token_is_refused(address: str) -> None:
    with pytest.raises(StartupError, match=r"metrics\.listen .*metrics\.token_file"):
        load_token(settings(None, "127.0.0.1:9478", address))


def test_token_is_what_the_file_holds_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODk=\n")
    assert load_token(settings(path, "0.0.0.0:9478")) == "MDEyMzQ1Njc4OTAxMjM0NTY3ODk="


def test_token_is_blacked_out_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("scrape-me-if-you-can")
    load_token(settings(path))
    assert blacked_out("Bearer scrape-me-if-you-can") == "Bearer [secret]"


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (None, "cannot be read"),
        (b"", "must hold one token"),
        (b"short-token", "at least 16"),
        (b"two words that are long enough", "must hold one token"),
        (b"\xff" * 32, "must hold one token"),
        (b"a" * 5000, "must hold one token"),
    ],
    ids=["no file", "empty", "short", "two words", "no text", "too long"],
)
def test_file_without_a_usable_token_names_key_and_remedy(
    held: bytes | None, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if held is not None:
        path.write_bytes(held)
    with pytest.raises(StartupError, match=told) as caught:
        load_token(settings(path))
    assert "metrics.token_file" in str(caught.value)
    assert "Make one:" in str(caught.value)
    if held:
        assert held[:20].decode("latin-1") not in str(caught.value)

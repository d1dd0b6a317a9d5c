"""What keeps figures from being served is told, keeps nothing else from running, and is tried again."""

import socket
from pathlib import Path
from typing import cast

import trio
from lab.processes import free_port
from trio.testing import MockClock

from edged.config import MetricsSettings
from edged.metrics.figures import Figures
from edged.metrics.listener import MetricsListener, serving_metrics
from edged.web.server.opener import RETRY_SECONDS

NOBODY_ASKS = cast("Figures", None)


def told(listener: MetricsListener) -> list[str]:
    return [f"{finding.id} {finding.cause} {finding.remedy}" for finding in listener.findings()]


async def test_busy_port_is_told_and_taken_once_it_is_free(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.05
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as neighbour:
        async with serving_metrics(MetricsSettings(listen=(f"127.0.0.1:{port}",)), NOBODY_ASKS) as listener:
            (words,) = told(listener)
            assert words.startswith("metrics.unserved ")
            assert str(port) in words
            assert "restart" not in words
            neighbour.close()
            await trio.sleep(RETRY_SECONDS + 1)
            assert told(listener) == []
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()


async def test_bad_token_serves_nobody_until_there_is_a_right_one(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    token, address = tmp_path / "token", f"127.0.0.1:{free_port()}"
    settings = MetricsSettings(listen=(address,), token_file=str(token))
    async with serving_metrics(settings, NOBODY_ASKS) as listener:
        (words,) = told(listener)
        assert f'metrics.token_file = "{token}"' in words
        token.write_text("short")
        await trio.sleep(RETRY_SECONDS + 1)
        (words,) = told(listener)
        assert "at least 16 characters" in words
        token.write_text("long-enough-a-token")
        await trio.sleep(RETRY_SECONDS + 1)
        assert told(listener) == []


async def test_listening_nowhere_is_fine() -> None:
    async with serving_metrics(MetricsSettings(listen=()), NOBODY_ASKS) as listener:
        assert told(listener) == []

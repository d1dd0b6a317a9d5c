"""`edged demo`: the whole appliance for an hour, in a temporary folder, already claimed.

A synthetic camera plus every real one found. Nothing is left behind when it ends.
"""

import ipaddress
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import trio

from edged.config import (
    CameraSettings,
    Config,
    MediaSettings,
    MetricsSettings,
    PathSettings,
    RetentionSettings,
    SiteSettings,
    WebSettings,
)
from edged.daemon import Daemon, open_daemon
from edged.errors import StartupError

USERNAME = "admin"
FIRST_PICTURE_SECONDS = 30.0
ANY_FREE_PORT = 0
PREFERRED_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What can be asked of a demo. `listen` is HOST or HOST:PORT; without a port 8080 or any free one."""

    engine: Literal["auto", "mediamtx", "embedded"] = "auto"
    listen: str = "127.0.0.1"
    synthetic: int = 1
    file: str | None = None


class DemoAnnouncement(msgspec.Struct, frozen=True, kw_only=True):
    """What `edged demo --json` prints, in one line, once the first picture is live."""

    url: str
    user: str
    password: str
    data: str
    recordings: str
    engine: str
    cameras: list[str]


async def run_demo(options: DemoOptions, *, announce: Callable[[DemoAnnouncement], None]) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. Raises StartupError when nothing can be shown on this machine."""
    with (
        trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals,
        tempfile.TemporaryDirectory(prefix="edged-demo-") as folder,
    ):
        config = demo_config(options, Path(folder))
        async with open_daemon(config) as daemon, trio.open_nursery() as nursery:
            nursery.start_soon(_introduce, daemon, announce)
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


def demo_config(options: DemoOptions, folder: Path) -> Config:
    """Settings of a demo that lives in `folder`."""
    cameras = {
        f"demo-{n + 1}" if n else "demo": CameraSettings(name="Test picture", source="synthetic")
        for n in range(options.synthetic)
    }
    if options.file is not None:
        cameras["file"] = CameraSettings(name=Path(options.file).stem, source=f"file:{options.file}")
    return Config(
        site=SiteSettings(name="edged demo"),
        paths=PathSettings(
            data=str(folder / "data"), recordings=str(folder / "recordings"), runtime=str(folder / "run")
        ),
        web=WebSettings(listen=(_free_address(options.listen),)),
        media=MediaSettings(engine=options.engine, webrtc_port=ANY_FREE_PORT),
        cameras=cameras,
        # Nobody scrapes a demo, and its port may be a real daemon's.
        metrics=MetricsSettings(listen=()),
        # Its footage lives for minutes, and many machines for development have no time server.
        retention=RetentionSettings(clock="always"),
    )


async def _introduce(daemon: Daemon, announce: Callable[[DemoAnnouncement], None]) -> None:
    password = secrets.token_urlsafe(9)
    await daemon.accounts.claim(
        setup_code=daemon.accounts.setup_code(),
        site=daemon.config.site.name,
        username=USERNAME,
        password=password,
        address="127.0.0.1",
    )
    with trio.move_on_after(FIRST_PICTURE_SECONDS) as patience:
        await _first_picture(daemon)
    if patience.cancelled_caught:
        states = "; ".join(
            f"{c.slug}: {c.state} {c.reason or c.last_error}" for c in daemon.cameras.cameras()
        )
        raise StartupError(f"no picture after {FIRST_PICTURE_SECONDS:.0f} s ({states or 'no camera at all'})")
    paths = daemon.config.paths
    announce(
        DemoAnnouncement(
            url=daemon.addresses[0],
            user=USERNAME,
            password=password,
            data=paths.data,
            recordings=paths.recordings,
            engine=daemon.engine.health().name,
            cameras=[camera.slug for camera in daemon.cameras.cameras()],
        )
    )


async def _first_picture(daemon: Daemon) -> None:
    """Wait until an output of some camera is taken by the engine and its playlist can be read."""
    version = -1
    while True:
        for camera in daemon.cameras.cameras():
            if camera.state == "live" and camera.live_connected:
                reply = await daemon.engine.hls(camera.slug, "index.m3u8", "")
                if reply.status == 200:
                    return
        with trio.move_on_after(0.2):
            version = await daemon.cameras.changed(version)


def _free_address(listen: str) -> str:
    """ADDRESS:PORT of `listen`, with a free port when it names none. Raises StartupError, naming --listen."""
    host, port = listen, ""
    if listen.startswith("[") or listen.count(":") == 1:
        host, _, port = listen.rpartition(":") if not listen.endswith("]") else (listen, "", "")
    host = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
    try:
        version = ipaddress.ip_address(host).version
        number = int(port or 0)
        socket.htons(number)
    except (ValueError, OverflowError) as error:
        raise StartupError(
            f"--listen {listen}: must be an address of this machine, with or without a port, "
            "as in 127.0.0.1, 0.0.0.0:8080 or [::]:8080."
        ) from error
    number = _free_tcp_port(host, listen, (number,) if number else (PREFERRED_PORT, 0))
    return f"[{host}]:{number}" if version == 6 else f"{host}:{number}"


def _free_tcp_port(host: str, listen: str, ports: Sequence[int]) -> int:
    refused: str | None = None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen()
            except OSError as error:
                refused = error.strerror
                continue
            return int(probe.getsockname()[1])
    raise StartupError(f"--listen {listen}: {refused}. Name another port, or 127.0.0.1 or 0.0.0.0.")

"""A real browser on a real box: `edged demo` on either engine, or a daemon that nobody has claimed.

EDGED_SITE may hold what a running `edged demo --json` announced: then that one is looked at.
Both end with the last test in here: other tests must have the machine, and Playwright, to themselves.
EDGED_ARTEFACTS names the folder in which pictures of the pages are left (default: a temporary one).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.sites import ENGINES, Demo, Site, Unclaimed
from lab.processes import Program, free_port, wait_until
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
]


@pytest.fixture(scope="package")
def browser(chromium: Path) -> Iterator[Browser]:
    """Debian's Chromium; each context has a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield browser
        browser.close()


def announced(line: str, pid: int) -> Site:
    """The box that a demo announced."""
    told = json.loads(line)
    cameras = tuple(told["cameras"])
    return Site(told["url"].rstrip("/"), told["user"], told["password"], told["engine"], cameras, pid)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`demo("mediamtx")`: a running demo on that engine, one for all tests."""
    running: dict[str, tuple[Program, Site]] = {}
    folder = tmp_path_factory.mktemp("demo")

    def start(engine: str) -> Site:
        if "EDGED_SITE" in os.environ:
            return announced(os.environ["EDGED_SITE"], 0)
        if engine not in running:
            command = [sys.executable, "-m", "edged.cli", "demo", "--json", "--engine", engine]
            program = Program(command, folder=folder, name=f"demo-{engine}")
            try:
                line = wait_until(
                    lambda: program.lines() or program.process.poll() is not None,
                    what="the demo's announcement",
                    seconds=40,
                )
                if line is True:
                    raise program.die("ended before its first picture")
            except AssertionError as error:
                program.stop()
                raise program.die(str(error)) from error
            site = announced(program.lines()[0], program.pid)
            running[engine] = program, site
        return running[engine][1]

    yield start
    for program, _ in running.values():
        program.stop()


@pytest.fixture
def site(demo: Demo) -> Site:
    """A running demo, on MediaMTX where there is one."""
    return demo("mediamtx" if shutil.which(os.environ.get("EDGED_MEDIAMTX") or "mediamtx") else "embedded")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser, empty."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of that browser."""
    return context.new_page()


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of pages go."""
    named = os.environ.get("EDGED_ARTEFACTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(params=ENGINES)
def unclaimed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Unclaimed]:
    """`edged run` with one synthetic camera."""
    port = free_port()
    config = tmp_path / "edged.toml"
    config.write_text(
        f"""
[paths]
data = "{tmp_path}/data"
recordings = "{tmp_path}/recordings"
runtime = "{tmp_path}/run"
[web]
listen = ["127.0.0.1:{port}"]
[media]
engine = "{request.param}"
webrtc_port = {free_port(socket.SOCK_DGRAM)}
[cameras.door]
name = "Front door"
source = "synthetic"
"""
    )
    edged = [sys.executable, "-m", "edged.cli"]
    with Program([*edged, "run", "--config", config], folder=tmp_path, name="edged") as program:

        def answers() -> bool:
            if program.process.poll() is not None:
                raise program.die("ended")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, what="the web answers", seconds=20)
        said = subprocess.run(
            [*edged, "setup-code", "--config", str(config)], capture_output=True, text=True, check=True
        )
        yield Unclaimed(f"http://127.0.0.1:{port}", said.stdout.strip())

"""What all tests share: what is there to test with, what was left out and why, and an end to every hang."""

import faulthandler
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

import hypothesis
import pytest
import trio

# How long one example takes tells of the machine, not of us.
# EDGED_QUICK: what is random is tried with the other libraries; here a few examples will do.
hypothesis.settings.register_profile(
    "edged", deadline=None, max_examples=20 if os.environ.get("EDGED_QUICK") else 100
)
hypothesis.settings.load_profile("edged")

# Seconds that one test may take, its fixtures included.
TIME_LIMIT = 60.0
SLOW_TIME_LIMIT = 300.0
# A test that does not even end when interrupted ends the whole run this much later.
LAST_GRACE = 30.0

stderr_key = pytest.StashKey[TextIO]()
left_out_key = pytest.StashKey[dict[str, list[str]]]()


# --- what is there to test with


def find_mediamtx() -> str | None:
    """Path of the real MediaMTX: EDGED_MEDIAMTX or PATH."""
    return shutil.which(os.environ.get("EDGED_MEDIAMTX") or "mediamtx")


def find_umockdev() -> str | None:
    """The wrapper of umockdev, when Debian's Python can drive it."""
    wrapper = shutil.which("umockdev-wrapper")
    probe = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"
    usable = (
        subprocess.run(["/usr/bin/python3", "-c", probe], capture_output=True, check=False).returncode == 0
    )
    return wrapper if usable else None


def find_chromium() -> str | None:
    """Debian's Chromium."""
    return shutil.which("chromium")


def find_nginx() -> str | None:
    """Debian's nginx, which stands where only root looks for programs."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def find_containers() -> str | None:
    """unshare(1), when it may make the namespaces of a container, and cgroups can be made for it."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0 or not os.access("/sys/fs/cgroup", os.W_OK):
        return None
    tried = [unshare, "--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc", "--fork", "true"]
    return unshare if subprocess.run(tried, capture_output=True, check=False).returncode == 0 else None


def find_machine(arch: str, program: str) -> str | None:
    """The emulator, when there is a machine of Debian's architecture `arch` for it to run."""
    image = Path(__file__).parents[1] / f"build/vm/{arch}/root.img"
    return shutil.which(program) if image.exists() else None


# marker -> how to find it, and what to do when it is absent
NEEDS: dict[str, tuple[Callable[[], str | None], str]] = {
    "mediamtx": (find_mediamtx, "MediaMTX not found: set EDGED_MEDIAMTX or put it on PATH"),
    "mockcam": (find_umockdev, "umockdev not found: apt install umockdev gir1.2-umockdev-1.0 python3-gi"),
    "appliance": (find_containers, "no containers here: they need root, namespaces and cgroups"),
    "vm": (
        lambda: find_machine("amd64", "qemu-system-x86_64"),
        "no virtual machine: `tools/setup vm` makes it, as root or by sudo",
    ),
    "arm64": (
        lambda: find_machine("arm64", "qemu-system-aarch64"),
        "no arm64 machine: `tools/setup arm64` makes it, as root or by sudo",
    ),
    "promtool": (lambda: shutil.which("promtool"), "promtool not found: apt install prometheus"),
    "nginx": (find_nginx, "nginx not found: apt install nginx"),
    "browser": (find_chromium, "Chromium not found: apt install chromium"),
}


def required() -> set[str]:
    """The markers whose absence is a failure: EDGED_REQUIRE="mockcam browser", EDGED_REQUIRE_MEDIAMTX=1."""
    names = set(os.environ.get("EDGED_REQUIRE", "").split())
    if os.environ.get("EDGED_REQUIRE_MEDIAMTX", "") not in {"", "0"}:
        names.add("mediamtx")
    return names


@pytest.fixture(scope="session")
def mediamtx() -> Path:
    """Path of the real MediaMTX. The test that asks for it must be marked `mediamtx`."""
    program = find_mediamtx()
    if program is None:
        pytest.skip(NEEDS["mediamtx"][1])
    return Path(program)


@pytest.fixture(scope="session")
def nginx() -> Path:
    """Path of Debian's nginx. The test that asks for it must be marked `nginx`."""
    program = find_nginx()
    if program is None:
        pytest.skip(NEEDS["nginx"][1])
    return Path(program)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of Debian's Chromium. The test that asks for it must be marked `browser`."""
    program = find_chromium()
    if program is None:
        pytest.skip(NEEDS["browser"][1])
    return Path(program)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "time_limit(seconds): may take this long instead of a minute")
    config.addinivalue_line("markers", "both_libraries: slow, but run with Debian 13's libraries too")
    config.stash[stderr_key] = (
        os.fdopen(os.dup(sys.__stderr__.fileno()), "w") if sys.__stderr__ else sys.stderr
    )
    config.stash[left_out_key] = {}
    # A shell starts what runs beside it with SIGINT ignored; then no hang in trio could be interrupted.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where Playwright is not installed (Debian has none), tests that steer a browser cannot even be read."""
    if collection_path.suffix != ".py" or importlib.util.find_spec("playwright") is not None:
        return None
    if not re.search(r"^(from|import) playwright\b", collection_path.read_text(), re.MULTILINE):
        return None
    name = str(collection_path.relative_to(config.rootpath))
    config.stash[left_out_key].setdefault("Playwright is not installed", []).append(name)
    return True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, of what was asked for."""
    for marker, (find, remedy) in NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing or find() is not None:
            continue
        if marker in required():
            raise pytest.UsageError(f"{remedy} ({len(needing)} tests need it, and it is required here)")
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=remedy))
            config.stash[left_out_key].setdefault(remedy, []).append(item.nodeid)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter", config: pytest.Config) -> None:
    for remedy, tests in config.stash[left_out_key].items():
        terminalreporter.section(f"{len(tests)} LEFT OUT: {remedy}", yellow=True, bold=True)
        for test in tests:
            terminalreporter.line(test)


# --- an end to every hang


class TimeLimitError(Exception):
    """A test took longer than it may."""


def time_limit(item: pytest.Item) -> float:
    """Seconds that this test may take."""
    if (own := item.get_closest_marker("time_limit")) is not None:
        return float(own.args[0])
    return SLOW_TIME_LIMIT if item.get_closest_marker("slow") else TIME_LIMIT


@contextmanager
def limited(seconds: float, name: str, stderr: TextIO) -> Iterator[None]:
    """Interrupt what takes longer than `seconds`; if that is in vain, show all stacks and end the process."""
    expired = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal expired
        expired = True
        if trio.lowlevel.in_trio_run():
            # Only as a KeyboardInterrupt do we get out of trio without breaking its inner house.
            signal.raise_signal(signal.SIGINT)
        else:
            raise TimeLimitError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + LAST_GRACE, exit=True, file=stderr)
    try:
        yield
    except BaseException as error:
        if expired:
            raise TimeLimitError(f"{name} took longer than {seconds:g} s") from error
        raise
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    with limited(time_limit(item), f"setting up {item.nodeid}", item.config.stash[stderr_key]):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with limited(time_limit(item), item.nodeid, item.config.stash[stderr_key]):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    with limited(time_limit(item), f"tearing down {item.nodeid}", item.config.stash[stderr_key]):
        yield

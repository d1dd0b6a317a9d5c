"""No secret reaches any line of the log, whatever people, programs and faults do in a whole run."""

import json
import os
import re
import signal
from pathlib import Path

import httpx
import pytest
from lab.appliance import Appliance, running_appliance
from lab.processes import wait_until
from lab.visitor import PASSWORD, USERNAME

from edged.control import Control

pytestmark = pytest.mark.slow

WRONG = "a wrong password 4711"
SETTINGS = """
[cameras.front]
source = "synthetic"
width = 320
height = 240

[log]
level = "debug"
"""


def secrets_of(appliance: Appliance, made: str, setup_code: str) -> dict[str, str]:
    """Everything that nobody may read in the log."""
    found = {
        "password": PASSWORD,
        "wrong password": WRONG,
        "session": appliance.web.cookies["edged_session"],
        "access code": made,
        "setup code": setup_code,
    }
    config = next(appliance.folder.glob("run/mediamtx/*.yml"), None)
    text = config.read_text() if config else ""
    for number, secret in enumerate(re.findall(r"[A-Za-z0-9_-]{20,}", text)):
        found[f"MediaMTX's secret {number}"] = secret
    return found


@pytest.mark.both_libraries
def test_no_secret_reaches_the_log(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=SETTINGS, claimed=False) as appliance:
        setup_code = appliance.command("setup-code").split()[-1]
        refused = appliance.web.post(
            "/claim",
            data={"setup_code": "AAAA-BBBB-CCCC", "site": "x", "username": USERNAME, "password": WRONG},
        )
        assert refused.status_code in {401, 422}
        appliance.claim()
        appliance.wait_live("front", seconds=20)
        made = share(appliance)
        strangers(appliance, made)
        faults(appliance, engine)
        secrets = secrets_of(appliance, made, setup_code)
        assert len(secrets) >= (8 if engine == "mediamtx" else 5)
        appliance.stop()
        log = appliance.daemon.log()

    told = [name for name, secret in secrets.items() if name != "setup code" and secret in log]
    assert not told, [line for line in log.splitlines() for name in told if secrets[name] in line]
    # The setup code stands there once: that is how an owner without a shell gets it.
    lines = [line for line in log.splitlines() if setup_code in line]
    assert len(lines) == 1
    assert "its setup code is" in lines[0]
    # What was done stands there all the same.
    for event in ("claimed", "login", "login_refused", "code_created", "code_used", "code_revoked"):
        assert f"EVENT={event}" in log
    assert re.search(r"segment closed.*\(CAMERA=front, SEGMENT=front/[0-9-]{10}/[^/]+\.mp4\)", log)
    assert re.search(r"\(ISSUE=camera\.restarted:front, SUBJECT=camera:front, .*CAMERA=front\)", log)


def share(appliance: Appliance) -> str:
    """An access code, used and revoked: its words."""
    wish = {
        "description": "for the neighbour",
        "media_items": [{"media_type": "video", "media_slug": "front"}],
        "expires_at": None,
    }
    made = appliance.web.post("/api/access-codes", json=wish)
    assert made.status_code == 201, made.text
    words: str = made.json()["code"]
    with httpx.Client(base_url=appliance.url) as guest:
        for path in ("/watch/front", "/hls/front/index.m3u8", "/images/front", "/watch/elsewhere"):
            guest.get(path, params={"access_code": words})
        guest.post("/whep/front", params={"access_code": words}, content=b"v=0\r\n")
    assert appliance.web.delete(f"/api/access-codes/{words}").status_code == 204
    with httpx.Client(base_url=appliance.url) as guest:
        guest.get("/watch/front", params={"access_code": words})
    return words


def strangers(appliance: Appliance, words: str) -> None:
    """People who type things into the wrong place, and programs that send nonsense."""
    with httpx.Client(base_url=appliance.url) as stranger:
        for username, password in ((USERNAME, WRONG), (PASSWORD, PASSWORD), (words, WRONG)):
            stranger.post("/login", json={"username": username, "password": password})
        stranger.get(f"/{PASSWORD}", params={"password": PASSWORD, "access_code": words})
        stranger.get("/api/cameras", headers={"Authorization": f"Bearer {PASSWORD}"})
        stranger.post("/login", content=json.dumps({"username": PASSWORD}), headers={"X": PASSWORD})
        stranger.get(f"/hls/{words}/index.m3u8")
    with Control(appliance.folder / "run") as control:
        control.get("/health")
        control.get("/api/access-codes")


def faults(appliance: Appliance, engine: str) -> None:
    """What makes parts complain, with all they know."""
    victim = appliance.camera("front")["worker_pid"]
    os.kill(victim, signal.SIGKILL)
    appliance.wait_camera(
        "front",
        lambda seen: seen["worker_pid"] not in {None, victim} and seen["recording"],
        what="recorded by another",
        seconds=20,
    )
    if engine == "mediamtx":
        (pid,) = appliance.processes(r"mediamtx .*\.yml")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: "restarting it" in appliance.daemon.log(), what="it is restarted", seconds=10)
        appliance.wait_live("front", seconds=20)
    appliance.settings.write_text(appliance.settings.read_text() + f"\n[site]\nname = 3 # {PASSWORD}\n")
    appliance.daemon.send(signal.SIGHUP)
    wait_until(lambda: "stay in force" in appliance.daemon.log(), what="they are refused", seconds=5)

"""How the daemon and the demo begin and end, as seen from a shell."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest
from lab.appliance import Appliance, running_appliance
from lab.footage import read_footage, segments
from lab.processes import Program, descendants, free_port, is_alive, wait_until

ONE_CAMERA = """
[cameras.front]
source = "synthetic"
width = 640
height = 360
"""


def test_daemon_told_to_stop_closes_its_segments_and_is_gone_in_5_s(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=ONE_CAMERA) as appliance:
        appliance.wait_live("front", seconds=15)
        appliance.wait_camera("front", lambda seen: seen["frames_out"] > 60, what="recorded", seconds=10)
        assert appliance.stop() <= 5
        (path,) = segments(appliance.recordings / "front")
        footage = read_footage(path)
        assert footage.duration == pytest.approx(footage.times[-1] + footage.frame, abs=0.05)


@pytest.mark.mediamtx
def test_daemon_is_gone_in_5_s_though_a_worker_and_mediamtx_hang(tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine="mediamtx", settings=ONE_CAMERA) as appliance:
        appliance.wait_live("front", seconds=15)
        (mediamtx,) = appliance.processes("mediamtx .*yml")
        os.kill(mediamtx, signal.SIGSTOP)
        os.kill(appliance.camera("front")["worker_pid"], signal.SIGSTOP)
        children = descendants(appliance.daemon.pid)
        assert appliance.stop() <= 5
        wait_until(lambda: not any(map(is_alive, children)), what="the children are gone", seconds=2)


@pytest.mark.parametrize("stopped", [False, True], ids=["running worker", "stopped worker"])
def test_killed_daemon_leaves_no_worker_that_keeps_its_camera(
    engine: str, stopped: bool, tmp_path: Path
) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=ONE_CAMERA) as appliance:
        appliance.wait_live("front", seconds=15)
        if stopped:
            os.kill(appliance.camera("front")["worker_pid"], signal.SIGSTOP)
        children = descendants(appliance.daemon.pid)
        assert children
        appliance.kill()
        wait_until(lambda: not any(map(is_alive, children)), what="the children are gone", seconds=6)


def test_claimed_appliance_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine="embedded", settings=ONE_CAMERA) as appliance:
        appliance.stop()
        cookies = appliance.web.cookies
    again = Appliance(tmp_path / "edged", engine="embedded", settings=ONE_CAMERA)
    try:
        again.wait_ready()
        again.web.cookies = cookies
        assert again.web.get("/api/cameras").status_code == 200
        again.log_in()
    finally:
        again.kill()


@pytest.mark.parametrize("engine_argument", [[], ["--engine", "embedded"]])
def test_demo_prints_one_line_that_a_script_can_use_and_leaves_nothing_behind(
    engine_argument: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "edged.cli", "demo", "--json", *engine_argument]
    with Program(command, folder=tmp_path, name="demo") as demo:
        wait_until(
            lambda: demo.lines() or demo.process.poll() is not None, what="the first picture", seconds=40
        )
        if not demo.lines():
            raise demo.die("no announcement")
        said = json.loads(demo.lines()[0])
        assert set(said) == {"url", "user", "password", "data", "recordings", "engine", "cameras"}
        with httpx.Client(base_url=said["url"]) as web:
            assert web.get("/api/cameras").status_code == 401
            wrong = web.post("/login", json={"username": said["user"], "password": "wrong"})
            assert wrong.status_code == 401
            right = web.post("/login", json={"username": said["user"], "password": said["password"]})
            assert right.status_code == 204
            assert web.get(f"/hls/{said['cameras'][0]}/index.m3u8").status_code == 200
        folder = Path(said["recordings"]) / said["cameras"][0]
        wait_until(lambda: segments(folder), what="footage", seconds=10)
        children = descendants(demo.pid)
        assert demo.stop(signal.SIGINT) == 0
        assert len(demo.lines()) == 1
    assert not Path(said["data"]).exists()
    assert not Path(said["recordings"]).exists()
    time.sleep(0.1)
    assert not [line for pid, line in children.items() if is_alive(pid)]


def refusal(folder: Path, settings: str, environment: dict[str, str] | None = None) -> str:
    """What the daemon says when it cannot start: exit code 2, no traceback."""
    file = folder / "edged.toml"
    file.write_text(settings)
    command = [sys.executable, "-m", "edged.cli", "run", "--config", file]
    with Program(command, folder=folder, name="daemon", env=environment) as daemon:
        code = daemon.process.wait(20)
        said = daemon.log()
    assert code == 2, said
    assert "Traceback" not in said
    return said


def paths(folder: Path) -> str:
    keys = {"data": "data", "recordings": "recordings", "runtime": "run"}
    return "[paths]\n" + "".join(f'{key} = "{folder / name}"\n' for key, name in keys.items())


def web(address: str = "") -> str:
    """Settings of a web at `address`, or where nothing else listens."""
    return f'[web]\nlisten = ["{address or f"127.0.0.1:{free_port()}"}"]\n'


def test_port_in_use_is_named_with_its_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refusal(tmp_path, paths(tmp_path) + web(address) + '[media]\nengine = "embedded"\n')
    assert address in said
    assert "listen" in said


def test_second_daemon_is_turned_away_and_the_first_does_not_notice(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=ONE_CAMERA) as first:
        first.wait_live("front", seconds=15)
        before = first.camera("front")
        settings = first.settings.read_text()
        other = tmp_path / "other"
        other.mkdir()
        for said in (refusal(other, settings), refusal(other, settings.replace("listen", "#listen"))):
            assert "another edged" in said
            assert "paths.data" in said
        enough = before["frames_out"] + 30
        after = first.wait_camera("front", lambda seen: seen["frames_out"] > enough, what="more", seconds=10)
        first.wait_live("front", seconds=5)
    for unchanged in ("worker_pid", "restarts", "state", "live_connected"):
        assert after[unchanged] == before[unchanged]


def test_data_folder_that_cannot_be_written_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    said = refusal(tmp_path, paths(tmp_path) + web() + '[media]\nengine = "embedded"\n')
    assert "paths.data" in said
    assert str(tmp_path / "data") in said


def test_mediamtx_of_another_version_is_named_with_its_remedy(tmp_path: Path) -> None:
    other = tmp_path / "mediamtx"
    other.write_text("#!/bin/sh\necho v0.23.8\n")
    other.chmod(0o755)
    environment = {**os.environ, "EDGED_MEDIAMTX": str(other)}
    said = refusal(tmp_path, paths(tmp_path) + web() + '[media]\nengine = "mediamtx"\n', environment)
    assert "0.23.8" in said
    assert "1.20" in said

"""A remote engineer reads figures, the doctor and the list of cameras of the real daemon."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from lab.appliance import Appliance, running_appliance
from lab.processes import wait_until
from prometheus_client.parser import text_string_to_metric_families as parse

pytestmark = pytest.mark.slow

CAMERAS = "".join(
    f'\n[cameras.{slug}]\nsource = "synthetic"\nwidth = 320\nheight = 240\n' for slug in ("front", "back")
)


def figures(appliance: Appliance) -> dict[str, float]:
    """All samples, as `name{label=value,...}`."""
    found = {}
    text = httpx.get(appliance.metrics_url, timeout=10).raise_for_status().text
    for family in parse(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


@pytest.mark.both_libraries
def test_live_scrape_tells_what_happens_to_cameras(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=CAMERAS) as appliance:
        appliance.wait_live("front", seconds=20)
        appliance.wait_live("back", seconds=20)
        before = figures(appliance)
        assert before["edged_camera_state{camera=front,state=live}"] == 1
        assert before["edged_engine_up{}"] == 1
        assert before[f"edged_engine_info{{name={engine},version={version(appliance)}}}"] == 1
        assert before["edged_workers{}"] == 2
        assert before["edged_access_events_total{event=claimed}"] == 1
        assert before["edged_volume_free_bytes{}"] > 0
        assert before["process_cpu_seconds_total{}"] > 0

        os.kill(appliance.camera("front")["worker_pid"], signal.SIGKILL)
        wait_until(lambda: appliance.camera("front")["restarts"], what="it is restarted", seconds=5)
        appliance.wait_live("front", seconds=20)
        after = figures(appliance)
        for kind in ("frames_in", "frames_out"):
            name = f"edged_camera_{kind}_total{{camera=front}}"
            assert after[name] > before[name]
        assert after["edged_camera_restarts_total{camera=front}"] == 1
        assert after["edged_workers_cpu_seconds_total{}"] >= before["edged_workers_cpu_seconds_total{}"]
        assert after["edged_health_issues{severity=info}"] >= 1


@pytest.mark.both_libraries
def test_viewers_by_hls_are_counted_with_either_engine(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=CAMERAS) as appliance:
        appliance.wait_live("front", seconds=20)
        appliance.wait_live("back", seconds=20)

        def watched() -> float:
            return figures(appliance)["edged_engine_viewers{protocol=hls}"]

        wait_until(lambda: watched() == 0, what="who waited for a picture has left", seconds=15)
        with httpx.Client(base_url=appliance.url, cookies=appliance.web.cookies, timeout=10) as wall:
            for path in ("front/index.m3u8", "front/index.m3u8", "back/index.m3u8"):
                assert wall.get(f"/hls/{path}").status_code == 200
            assert wall.get("/hls/attic/index.m3u8").status_code == 404
        assert watched() == 2


@pytest.mark.promtool
def test_promtool_has_nothing_to_say_of_a_live_scrape(engine: str, tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine=engine, settings=CAMERAS) as appliance:
        appliance.wait_live("front", seconds=20)
        text = httpx.get(appliance.metrics_url, timeout=10).raise_for_status().content
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.both_libraries
def test_doctor_and_list_of_cameras_agree_with_the_daemon(tmp_path: Path) -> None:
    with running_appliance(tmp_path / "edged", engine="embedded", settings=CAMERAS) as appliance:
        appliance.wait_live("front", seconds=20)
        found = json.loads(appliance.command("doctor", "--json"))
        assert found["ok"] is True
        checks: dict[str, Any] = {check["id"]: check for check in found["checks"]}
        for id_, check in checks.items():
            if id_.startswith(("port:", "folder:", "recordings", "daemon", "settings")):
                assert check["status"] == "ok", check
        cameras = json.loads(appliance.command("cameras", "--json"))
        assert [camera["slug"] for camera in cameras] == ["back", "front"]
        assert "front" in appliance.command("cameras")


def version(appliance: Appliance) -> str:
    """Of the engine."""
    told: str = appliance.health()["engine"]["version"]
    return told

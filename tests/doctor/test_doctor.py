"""The doctor names what is wrong and what to do, whether the daemon runs or not, and hides nothing."""

import contextlib
import json
import os
import socket
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lab.processes import free_port

from edged.cli import main
from edged.commands.cameras import line_of
from edged.config import Config, MediaSettings, MetricsSettings, PathSettings, RetentionSettings, WebSettings
from edged.control import ControlError, ForbiddenError, HungError
from edged.doctor import checkup, machine, running, software
from edged.doctor.line import is_well
from edged.folders import hold_folder


def by_id(lines: Any) -> dict[str, tuple[str, str]]:
    return {line.id: (line.status, line.what) for line in lines}


# --- daemon and service


def test_issues_of_the_daemon_are_lines_with_their_severity() -> None:
    def ask(_: Path) -> Any:
        issues = [
            {"id": f"x.{severity}", "severity": severity, "cause": "So.", "remedy": "Do."}
            for severity in ("info", "warning", "error")
        ]
        return {"version": "1", "status": "failing", "issues": issues}

    state, lines = running.daemon_lines(Path("/run"), Path("/data"), ask)
    assert state == "answers"
    assert [(line.id, line.status) for line in lines] == [
        ("daemon", "ok"),
        ("x.info", "ok"),
        ("x.warning", "warn"),
        ("x.error", "fail"),
    ]
    assert not is_well(lines)


def test_daemon_that_is_down_is_told_with_the_remedy() -> None:
    def ask(_: Path) -> Any:
        raise ControlError("no edged is running there. Start it.")

    state, (line,) = running.daemon_lines(Path("/run"), Path("/data"), ask)
    assert state == "down"
    assert (line.status, line.remedy) == ("fail", "no edged is running there. Start it.")


@pytest.mark.parametrize(
    ("error", "locked", "state", "words"),
    [
        (HungError("x"), False, "hung", "systemctl restart edged"),
        (ControlError("gone"), True, "hung", "systemctl restart edged"),
        (ForbiddenError("Try again with sudo."), False, "unasked", "Try again with sudo."),
    ],
    ids=["takes the question, gives no answer", "holds its lock, has no socket", "not for us"],
)
def test_daemon_that_hangs_is_not_told_as_one_that_is_down(
    error: ControlError, locked: bool, state: str, words: str, tmp_path: Path
) -> None:
    def ask(_: Path) -> Any:
        raise error

    with contextlib.ExitStack() as stack:
        if locked:
            stack.enter_context(hold_folder(tmp_path, key="paths.data", marker="daemon.lock"))
        found, (line,) = running.daemon_lines(Path("/run"), tmp_path, ask)
    assert found == state
    assert line.status != "ok"
    assert words in line.remedy


def test_daemon_that_refuses_the_question_is_at_work() -> None:
    def ask(_: Path) -> Any:
        raise ControlError("Something went wrong.", 500)

    state, (line,) = running.daemon_lines(Path("/run"), Path("/data"), ask)
    assert (state, line.status) == ("answers", "fail")
    assert "Something went wrong" in line.what


@pytest.mark.parametrize(
    ("unit", "status"),
    [
        ({"ActiveState": "active", "NRestarts": "0"}, "ok"),
        ({"ActiveState": "active", "NRestarts": "4"}, "warn"),
        ({"ActiveState": "failed", "Result": "watchdog"}, "fail"),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, "warn"),
        ({"ActiveState": "inactive"}, "warn"),
    ],
)
def test_service_is_told_by_its_state(unit: dict[str, str], status: str) -> None:
    (line,) = running.service_lines(lambda: {"LoadState": "loaded", **unit})
    assert line.status == status


@pytest.mark.parametrize("unit", [None, {"LoadState": "not-found"}, {}])
def test_where_there_is_no_service_nothing_is_said_of_it(unit: dict[str, str] | None) -> None:
    assert not list(running.service_lines(lambda: unit))


# --- software


def test_missing_mediamtx_is_a_failure_only_when_it_was_asked_for() -> None:
    for engine, status in (("auto", "warn"), ("mediamtx", "fail"), ("embedded", "ok")):
        (line,) = software.mediamtx_lines(MediaSettings(engine=engine), find=lambda _: None)  # type: ignore[arg-type]
        assert line.status == status


@pytest.mark.parametrize(("says", "status"), [("v1.20.1", "ok"), ("v1.9.0", "fail"), ("hello", "fail")])
def test_mediamtx_of_another_version_is_a_failure(says: str, status: str, tmp_path: Path) -> None:
    program = tmp_path / "mediamtx"
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    (line,) = software.mediamtx_lines(MediaSettings(), find=lambda _: program)
    assert line.status == status


def test_missing_library_is_named() -> None:
    def version(name: str) -> str:
        if name == "segno":
            raise metadata.PackageNotFoundError(name)
        return "1"

    found = by_id(software.library_lines(version))
    assert found["libraries"][0] == "fail"
    assert "segno" in found["libraries"][1]


# --- the machine


def test_folders_that_others_may_enter_are_a_warning(tmp_path: Path) -> None:
    data, runtime = tmp_path / "data", tmp_path / "run"
    data.mkdir(mode=0o700)
    paths = PathSettings(data=str(data), runtime=str(runtime))
    assert by_id(machine.folder_lines(paths)).keys() == {"folder:data", "folder:runtime"}
    assert [line.status for line in machine.folder_lines(paths)] == ["ok", "warn"]
    data.chmod(0o755)
    runtime.write_text("no folder")
    assert [line.status for line in machine.folder_lines(paths)] == ["warn", "fail"]


def test_recordings_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    (line,) = machine.recordings_lines(tmp_path, RetentionSettings(min_free_gb=0.000001))
    assert (line.status, "GB free" in line.what) == ("ok", True)
    (line,) = machine.recordings_lines(tmp_path / "gone", RetentionSettings())
    assert line.status == "warn"


def disk(free: int, flags: int = 0) -> os.statvfs_result:
    """100 GB, so many of them free."""
    return os.statvfs_result((10**6, 10**6, 100_000, free * 1000, free * 1000, 0, 0, 0, flags, 255))


@pytest.mark.parametrize(
    ("seen", "writable", "status", "word"),
    [
        (disk(50), True, "ok", "50.0 of 100.0 GB"),
        (disk(5), True, "warn", "less than the 10.0 GB"),
        (disk(50), False, "fail", "may not be written"),
        (disk(50, os.ST_RDONLY), True, "fail", "read-only"),
        (OSError(5, "Input/output error"), True, "fail", "Input/output error"),
    ],
    ids=["well", "full", "another's", "read-only", "failing"],
)
def test_recordings_disk_is_judged_by_what_it_says(
    seen: os.statvfs_result | OSError, writable: bool, status: str, word: str
) -> None:
    def look(_: Path) -> os.statvfs_result:
        if isinstance(seen, OSError):
            raise seen
        return seen

    lines = machine.recordings_lines(Path("/x"), RetentionSettings(), look=look, may_write=lambda _: writable)
    (line,) = lines
    assert line.status == status
    assert word in line.what


def test_camera_nodes_that_may_not_be_opened_are_named(tmp_path: Path) -> None:
    assert [line.status for line in machine.node_lines(tmp_path)] == ["warn"]
    for number in range(3):
        (tmp_path / f"video{number}").touch()
    (line,) = machine.node_lines(tmp_path, lambda node: node.name != "video1")
    assert (line.status, line.what.split()[0]) == ("warn", "video1")
    assert [line.status for line in machine.node_lines(tmp_path, lambda _: True)] == ["ok"]


def test_user_of_the_service_must_be_in_its_groups() -> None:
    groups: dict[str, set[str] | None] = {"video": {"edged"}, "audio": set(), "render": None}
    found = by_id(machine.group_lines(groups.__getitem__, lambda: True))
    assert {key: status for key, (status, _) in found.items()} == {
        "group:video": "ok",
        "group:audio": "fail",
        "group:render": "warn",
    }
    assert not list(machine.group_lines(groups.__getitem__, lambda: False))


def test_clock_that_nobody_sets_is_a_warning() -> None:
    assert [line.status for line in machine.clock_lines(lambda: True)] == ["ok"]
    assert [line.status for line in machine.clock_lines(lambda: False)] == ["warn"]


def test_clock_that_the_settings_trust_needs_nobody_to_set_it() -> None:
    (line,) = machine.clock_lines(lambda: False, trusted=True)
    assert line.status == "ok"
    assert "retention.clock" in line.what


def test_what_the_daemon_says_of_the_clock_is_not_said_again() -> None:
    told = {"clock.untrusted"}
    assert "clock" not in checkup.with_settings(Config(), state="answers", told=told)
    assert "clock" in checkup.with_settings(Config(), state="answers", told=set())


@pytest.mark.parametrize(("state", "taken", "free"), [("answers", "ok", "fail"), ("down", "fail", "ok")])
def test_ports_must_be_open_when_edged_runs_and_free_when_it_does_not(
    state: running.State, taken: str, free: str
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = Config(
            web=WebSettings(listen=(f"127.0.0.1:{listening.getsockname()[1]}",)),
            metrics=MetricsSettings(listen=(f"localhost:{free_port()}",)),
        )
        lines = list(machine.port_lines(config, state=state))
    assert [line.status for line in lines] == [taken, free]


@pytest.mark.parametrize("state", ["hung", "unasked"])
def test_nothing_is_said_of_ports_that_edged_itself_may_hold(state: running.State) -> None:
    assert not list(machine.port_lines(Config(), state=state))


# --- the command


def run_doctor(folder: Path, settings: str = "") -> tuple[int, dict[str, Any]]:
    path = folder / "edged.toml"
    path.write_text(
        f'[paths]\ndata = "{folder}/data"\nruntime = "{folder}/run"\nrecordings = "{folder}/rec"\n'
        f'[web]\nlisten = ["127.0.0.1:{free_port()}"]\n[metrics]\nlisten = []\n{settings}'
    )
    result = CliRunner().invoke(main, ["doctor", "--json", "--config", str(path)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    found: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, found


def test_doctor_works_when_the_daemon_is_down_and_says_so(tmp_path: Path) -> None:
    code, found = run_doctor(tmp_path)
    checks = {check["id"]: check for check in found["checks"]}
    assert (code, found["ok"]) == (1, False)
    assert checks["daemon"]["status"] == "fail"
    assert checks["settings"]["status"] == "ok"
    assert {"recordings", "clock", "libraries", "libav", "folder:data"} <= checks.keys()
    assert all(check["remedy"] for check in found["checks"] if check["status"] != "ok")


def test_hung_daemon_is_told_once_and_no_port_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.2)
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "run/control.sock"))
        silent.listen()
        code, found = run_doctor(tmp_path)
    failed = [check for check in found["checks"] if check["status"] == "fail"]
    assert (code, [check["id"] for check in failed]) == (1, ["daemon"])
    assert "hangs" in failed[0]["what"]
    assert "systemctl restart edged" in failed[0]["remedy"]
    assert not any(check["id"].startswith("port:") for check in found["checks"])


def test_doctor_lists_every_mistake_in_the_settings_and_looks_at_the_rest(tmp_path: Path) -> None:
    code, found = run_doctor(tmp_path, '[capture]\nfps = 900\nencodr = "x"\n')
    wrong = [check["what"] for check in found["checks"] if check["id"] == "settings"]
    assert (code, len(wrong)) == (1, 2)
    assert "capture.fps = 900" in wrong[0]
    assert "clock" in {check["id"] for check in found["checks"]}


def test_fault_in_one_look_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(machine, "clock_lines", broken)
    found = by_id(checkup._each(checkup.without_settings()))
    assert found["clock"][0] == "fail"
    assert "libraries" in found


def test_doctor_for_people_shows_a_remedy_below_what_is_not_well(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()[:2]
    assert first.startswith("FAIL  ")
    assert "there is no such file" in first
    assert second.startswith("      ")


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (
            {"state": "live", "recording": True},
            ["door", "live", "1280x720 30 fps, libx264", "recording"],
        ),
        (
            {"state": "live", "recording_held": "the disk is full"},
            ["not recording", "(the disk is full)"],
        ),
        ({"state": "unplugged", "reason": "pulled"}, ["unplugged", "(pulled)"]),
    ],
)
def test_camera_is_one_line(camera: dict[str, Any], words: list[str]) -> None:
    known = {
        "slug": "door",
        "state": "live",
        "width": 1280,
        "height": 720,
        "fps": 29.97,
        "encoder": "libx264",
        "recording": False,
        "recording_held": "",
        "recording_reason": "",
        "reason": "",
    }
    line = line_of(known | camera)
    assert "\n" not in line
    assert all(word in line for word in words)

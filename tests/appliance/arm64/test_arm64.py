"""The same package on Debian's arm64 kernel and packages, on an emulated board that is ten times slower."""

from pathlib import Path

import pytest
from appliance.vm_box import MOST_LOST, NOT_OURS, Installed, install, tell
from appliance.vm_scenarios import cut_power_while_recording

pytestmark = [pytest.mark.arm64, pytest.mark.slow, pytest.mark.time_limit(1800)]


@pytest.fixture(scope="module")
def installed(deb: Path, arm64_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The appliance, installed and claimed."""
    return install("arm64", arm64_image, deb, None, tmp_path_factory.mktemp("vm"))


def test_package_is_installed_and_started_within_its_limits(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(capsys, installed, installed.took)
    assert installed.restarts == 0
    assert [line for line in installed.troubles if not NOT_OURS.search(line)] == []


def test_camera_is_recorded_and_a_power_cut_costs_the_last_seconds_and_no_file(
    installed: Installed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = cut_power_while_recording(installed, tmp_path / "survived")
    tell(capsys, installed, {**cut.took, "lost": cut.lost, "lost of the pulled": cut.lost_of_the_pulled})
    assert cut.lost <= MOST_LOST
    assert cut.lost_of_the_pulled <= MOST_LOST

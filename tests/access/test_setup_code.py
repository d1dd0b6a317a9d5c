"""The setup code can be typed, is used once, and is there for whoever may read the data folder."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lab.clock import Clock
from lab.nobody import as_nobody

from edged.access.setup_code import FILE_NAME, LIFETIME, SetupCode, current_setup_code
from edged.errors import AccessError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def code(tmp_path: Path, clock: Clock) -> SetupCode:
    return SetupCode(tmp_path, clock=clock)


def test_it_is_typable_and_has_sixty_bits(code: SetupCode) -> None:
    shown = code.current()

    groups = shown.split("-")
    assert [len(group) for group in groups] == [4, 4, 4]
    assert set("".join(groups)) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_only_its_owner_can_read_it(code: SetupCode, tmp_path: Path) -> None:
    code.current()

    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


def test_it_stays_the_same_until_it_is_a_day_old(code: SetupCode, clock: Clock, tmp_path: Path) -> None:
    first = code.current()
    clock.now += LIFETIME - 1
    assert code.current() == SetupCode(tmp_path, clock=clock).current() == first

    clock.now += 2

    assert not code.matches(first)
    second = code.current()
    assert second != first
    assert code.matches(second)


def test_a_clock_that_goes_back_far_ends_it(code: SetupCode, clock: Clock) -> None:
    first = code.current()
    clock.now = 0.0

    assert not code.matches(first)
    assert code.current() != first


def test_it_may_be_typed_as_people_type(code: SetupCode, tmp_path: Path, clock: Clock) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps({"code": "01AB-CDEF-GHJK", "made_at": clock.now}))

    for typed in ("01AB-CDEF-GHJK", "01abcdefghjk", " o1ab cdef ghjk ", "OIAB–CDEF–GHJK", "0Lab-cdef-ghjk"):
        assert code.matches(typed), typed
    for typed in (
        "",
        "01AB-CDEF-GHJ",
        "01AB-CDEF-GHJKK",
        "01AB-CDEF-GHJL",
        "\ud800",
        "01AB-CDEF-GHJK" + "x" * 10_000,
    ):
        assert not code.matches(typed), typed


def test_used_means_gone(code: SetupCode) -> None:
    first = code.current()
    code.remove()
    code.remove()

    assert not code.matches(first)
    assert not code.matches("")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.sampled_from([b"{}", b"[]", b"null", b'{"code": 5, "made_at": NaN}', b"[" * 999])
)
def test_a_damaged_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    code = SetupCode(tmp_path)

    assert not code.matches("")
    assert code.matches(code.current())


def test_a_link_in_its_place_is_not_followed(code: SetupCode, tmp_path: Path, clock: Clock) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(json.dumps({"code": "0000-0000-0000", "made_at": clock.now}))
    (tmp_path / FILE_NAME).symlink_to(elsewhere)

    assert not code.matches("0000-0000-0000")
    assert code.current() != "0000-0000-0000"
    assert "0000-0000-0000" in elsewhere.read_text()


def test_two_who_ask_at_once_get_the_same_code(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda _: SetupCode(tmp_path).current(), range(32)))

    assert len(codes) == 1


def test_the_command_says_what_to_do_when_there_is_no_data_folder(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="Start edged first"):
        current_setup_code(tmp_path / "nowhere")


def test_who_may_not_enter_the_data_folder_is_told_whom_to_ask_as(tmp_path: Path) -> None:
    data = tmp_path / "closed" / "data"
    data.mkdir(parents=True)
    data.parent.chmod(0)
    try:
        with as_nobody(), pytest.raises(AccessError, match=r"cannot be entered.*as root") as refused:
            current_setup_code(data)
        assert str(data) in str(refused.value)
        assert "Errno" not in str(refused.value)
    finally:
        data.parent.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)

    current_setup_code(tmp_path)

    found = (tmp_path / FILE_NAME).stat()
    assert (found.st_uid, found.st_gid) == (12345, 12345)

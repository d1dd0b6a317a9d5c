"""Who a camera is, whatever its descriptors say."""

import re

import pytest
from camera_fakes import MJPEG, device, node, probed
from hypothesis import given
from hypothesis import strategies as st

from edged.cameras.device import ProbedNode, VideoNode, cameras_of
from edged.cameras.identity import decent_name, keys_of, make_slug


def keys(*nodes: VideoNode) -> list[tuple[str | None, str]]:
    found = keys_of(device(one) for one in nodes)
    return [(found[one.sys_path].serial, found[one.sys_path].port) for one in nodes]


def test_camera_with_a_serial_is_the_same_at_every_port() -> None:
    (here,), (there,) = keys(node("1")), keys(node("2"))
    assert here[0] == there[0] == "usb:046d:082d:ABC123"


def test_twins_without_serials_are_told_apart_by_their_ports() -> None:
    first, second = keys(node("1", serial=""), node("2", serial=""))
    assert first[0] is None
    assert first[1] == "usb:046d:082d@pci-0000:00:14.0-usb-0:1:1.0"
    assert first[1] != second[1]


def test_two_devices_that_show_the_same_serial_are_told_apart_by_their_ports() -> None:
    first, second = keys(node("1"), node("2", number=2))
    assert first[0] is second[0] is None
    assert first[1] != second[1]


def test_same_serial_of_another_model_is_no_clash() -> None:
    first, second = keys(node("1"), node("2", number=2, vendor="1234"))
    assert None not in (first[0], second[0])
    assert first[0] != second[0]


@pytest.mark.parametrize("serial", ["", "0", "00000000", "  ", "None", "????"])
def test_serial_that_says_nothing_is_none(serial: str) -> None:
    assert keys(node(serial=serial))[0][0] is None


def test_two_cameras_in_one_device_are_two() -> None:
    first, second = keys(node(), node(interface=2, number=2))
    assert None not in (first[0], second[0])
    assert first[0] != second[0]


@given(st.text(max_size=300))
def test_hostile_serial_makes_a_harmless_key(serial: str) -> None:
    (found,) = keys(node(serial=serial))
    for key in filter(None, found):
        assert len(key) < 200
        assert key.isascii()
        assert key.isprintable()


@given(st.text(max_size=300), st.sets(st.text(alphabet="abc-1234567890", max_size=5)))
def test_any_product_name_makes_a_slug_and_a_decent_name(name: str, taken: set[str]) -> None:
    slug = make_slug(name, taken)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", slug)
    assert slug not in taken
    decent = decent_name(name)
    assert 1 <= len(decent) <= 60
    assert decent == decent.strip()
    assert all(char.isprintable() for char in decent)


def test_names_and_slugs_are_what_people_expect() -> None:
    assert make_slug("HD Pro Webcam C920", ()) == "hd-pro-webcam-c920"
    assert make_slug("Kamera für Österreich", ()) == "kamera-fur-osterreich"
    assert make_slug("カメラ", ()) == "camera"
    assert make_slug("../../etc/passwd\x00", ()) == "etc-passwd"
    assert make_slug("cam", {"cam", "cam-2"}) == "cam-3"
    assert decent_name("a\u202eb\tc\x1b[31m<b>") == "ab c[31m<b>"
    assert decent_name("\x00\u200b") == "Camera"


def groups(*nodes: ProbedNode) -> list[tuple[str, str]]:
    return [(camera.facts.node, camera.problem) for camera in cameras_of(list(nodes))]


def test_nodes_of_one_interface_are_one_camera() -> None:
    picture = probed(node(number=0), MJPEG)
    metadata = probed(node(number=1, index=1), captures=False)
    second = probed(node(number=2, index=2), MJPEG)
    assert groups(second, metadata, picture) == [("/dev/video0", "")]
    assert groups(metadata) == []


def test_node_with_usable_modes_is_taken_even_if_it_is_not_the_first() -> None:
    assert groups(probed(node(number=0), others=("GREY",)), probed(node(number=2, index=2), MJPEG)) == [
        ("/dev/video2", "")
    ]


def test_infrared_beside_a_usable_camera_is_dropped_and_alone_it_is_told() -> None:
    infrared = probed(node(number=2, interface=2), others=("GREY",))
    assert groups(infrared, probed(node(), MJPEG)) == [("/dev/video0", "")]
    ((_, problem),) = groups(infrared)
    assert "GREY" in problem


def test_camera_that_could_not_be_asked_is_a_camera_with_a_problem() -> None:
    assert groups(ProbedNode(facts=node(), problem="may not be opened")) == [
        ("/dev/video0", "may not be opened")
    ]

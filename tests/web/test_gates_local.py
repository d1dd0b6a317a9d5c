from hypothesis import given
from hypothesis import strategies as st

from edged.web.pages.gates import _local


def test_paths_of_this_site_are_followed_after_login() -> None:
    for path in ("/", "/cameras/door", "/recordings/door/2026-03-05?hour=4"):
        assert _local(path) == path


def test_nobody_is_sent_to_another_site() -> None:
    for path in (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "",
        "/a\r\nX: y",
        "\\\\x",
    ):
        assert _local(path) == ""


@given(st.text())
def test_what_is_followed_always_begins_with_one_slash(path: str) -> None:
    onward = _local(path)
    assert onward in {"", path}
    assert not onward or (onward[0] == "/" and onward[1:2] not in {"/", "\\"})

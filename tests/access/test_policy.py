"""Who may do what, as a table."""

import pytest

from edged.access.policy import ACTIONS, may
from edged.access.subject import NOBODY, Subject

ADMIN = Subject(kind="admin", user="anna", session="1", cameras=None)
EVERYTHING = Subject(kind="viewer", user="bob", session="2", cameras=None)
PORCH = Subject(kind="viewer", user="eve", session="3", cameras=frozenset({"porch"}))
NOTHING = Subject(kind="viewer", user="tom", session="4", cameras=frozenset())


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("resource", ["porch", "garden", None])
def test_an_admin_may_everything_and_nobody_nothing(action: str, resource: str | None) -> None:
    assert may(ADMIN, action, resource)
    assert not may(NOBODY, action, resource)
    assert not may(Subject(cameras=None), action, resource)


@pytest.mark.parametrize("action", ["watch", "recordings", "status"])
def test_a_viewer_sees_the_cameras_granted(action: str) -> None:
    assert may(PORCH, action, "porch")
    assert not may(PORCH, action, "garden")
    assert may(EVERYTHING, action, "garden")
    assert not may(NOTHING, action, "porch")


@pytest.mark.parametrize("subject", [EVERYTHING, PORCH, NOTHING])
@pytest.mark.parametrize("resource", ["porch", None])
def test_a_viewer_manages_nothing(subject: Subject, resource: str | None) -> None:
    assert not may(subject, "manage", resource)


def test_every_signed_in_user_may_see_a_list() -> None:
    assert may(NOTHING, "watch", None)
    assert may(NOTHING, "recordings", None)


@pytest.mark.parametrize("action", ["", "Watch", "delete", "watch "])
def test_an_unknown_action_is_refused_even_to_an_admin(action: str) -> None:
    assert not may(ADMIN, action, "porch")


def test_a_subject_without_anything_said_may_watch_no_camera() -> None:
    assert not may(Subject(kind="viewer"), "watch", "porch")

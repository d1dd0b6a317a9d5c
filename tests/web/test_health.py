"""/health says one word to everybody, and cause and remedy only to those who may know."""

from typing import Any

import pytest
from web.web_fakes import ADMIN, CODE, STRANGER, VIEWER, make_parts
from web.web_site import serving

from edged.health import Issue


def issue(id_: str, severity: Any, subject: str) -> Issue:
    return Issue(id=id_, severity=severity, subject=subject, cause="It is so.", remedy="Do this.", since=5.0)


ISSUES = (
    issue("volume.full", "error", "volume"),
    issue("camera.stalled:door", "warning", "camera:door"),
    issue("camera.stalled:garden", "warning", "camera:garden"),
    issue("setup.unclaimed", "info", "setup"),
)


async def asked(token: str = "", *, issues: tuple[Issue, ...] = ISSUES, query: str = "") -> dict[str, Any]:
    parts = make_parts()
    parts.health.issues = issues
    async with serving(parts) as site, site.client(token) as client:
        answer = await client.get(f"/health{query}")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@pytest.mark.parametrize("query", ["", f"?access_code={CODE}"], ids=["nobody", "guest"])
@pytest.mark.parametrize("token", ["", STRANGER])
async def test_stranger_learns_one_word_version_and_whether_the_box_is_claimed(
    token: str, query: str
) -> None:
    found = await asked(token, query=query)
    assert found == {"status": "failing", "version": "0.0-test", "claimed": True}
    assert (await asked(token, issues=(), query=query)).keys() == found.keys()


async def test_viewer_learns_of_their_own_cameras_only() -> None:
    found = await asked(VIEWER)
    assert [told["id"] for told in found["issues"]] == ["camera.stalled:door"]
    assert found["cameras"] == {"live": 1}


async def test_admin_learns_everything_with_cause_remedy_and_time() -> None:
    found = await asked(ADMIN)
    assert [told["id"] for told in found["issues"]] == [known.id for known in ISSUES]
    assert found["issues"][0] == {
        "id": "volume.full",
        "severity": "error",
        "subject": "volume",
        "cause": "It is so.",
        "remedy": "Do this.",
        "since": 5.0,
    }


@pytest.mark.parametrize(("kept", "status"), [(0, "failing"), (1, "degraded"), (3, "ok")])
async def test_status_is_that_of_the_worst_issue(kept: int, status: str) -> None:
    assert (await asked(issues=ISSUES[kept:]))["status"] == status

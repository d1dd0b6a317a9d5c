"""What is worth knowing of who owns this box and who is signed in."""

from edged.access.findings import claim_findings, session_findings


def test_box_that_is_nobodys_says_so_until_it_is_claimed() -> None:
    (finding,) = claim_findings(claimed=False)
    assert (finding.id, finding.severity) == ("setup.unclaimed", "info")
    assert not list(claim_findings(claimed=True))


def test_ended_sessions_that_are_not_written_are_counted() -> None:
    (finding,) = session_findings(unended=3)
    assert (finding.severity, finding.cause.split()[0]) == ("warning", "3")
    assert not list(session_findings(unended=0))

"""What deleting gains is awaited for a while; only then it was of no use."""

from edged.recordings.gains import FUTILE_REST, LATE, MOST_UNSEEN, Gains


def deleted(gains: Gains, held: int, now: float = 0.0) -> None:
    gains.see(1000, now)
    gains.note(held, now, for_space=True)


def test_what_shows_at_once_is_not_awaited() -> None:
    gains = Gains()
    deleted(gains, 500)
    assert gains.pending == 500
    gains.see(1500, 0.0)
    assert gains.pending == 0
    assert gains.may_delete(0.0)
    gains.see(1500, LATE)
    assert not gains.cause


def test_what_others_write_does_not_hide_a_gain_for_ever() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.see(1400, 2.0)
    assert gains.pending == 100
    gains.see(900, LATE + 2)
    assert gains.pending == 0
    assert not gains.cause


def test_what_never_shows_is_told_after_a_while_and_deleting_rests() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.see(1000, LATE - 1)
    assert not gains.cause
    gains.see(1000, LATE)
    assert gains.cause
    assert gains.pending == 0
    assert not gains.may_delete(LATE)
    assert gains.may_delete(LATE + FUTILE_REST)
    deleted(gains, 500, LATE + FUTILE_REST)
    assert not gains.may_delete(LATE + FUTILE_REST), "one more try, and no more"
    gains.see(1500, LATE + FUTILE_REST + 2)
    assert not gains.cause
    assert gains.may_delete(LATE + FUTILE_REST + 2)


def test_only_so_much_is_deleted_before_the_first_of_it_shows() -> None:
    gains = Gains()
    for _ in range(MOST_UNSEEN):
        assert gains.may_delete(0.0)
        deleted(gains, 500)
    assert not gains.may_delete(0.0)
    gains.see(1500, 30.0)
    assert gains.may_delete(30.0)


def test_files_that_held_nothing_were_of_no_use() -> None:
    gains = Gains()
    deleted(gains, 0)
    assert gains.futile(0.0)


def test_a_disk_that_was_away_is_awaited_no_more() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.forget()
    gains.see(9000, 1.0)
    assert (gains.pending, gains.cause) == (0, "")

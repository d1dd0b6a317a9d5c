"""What deleting gains is measured, and awaited where it shows late; several files in vain are enough."""

from edged.recordings.gains import FUTILE_REST, LATE, LONGEST_REST, MOST_GAIN, SEVERAL, Gains, Patience


def deleted(gains: Gains, held: int, now: float = 0.0, *, gained: int = 0) -> None:
    gains.see(1000, now)
    gains.deleted(held, gained, now)


def fail(patience: Patience, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        patience.failed(100, now)


def given_up() -> Gains:
    gains = Gains()
    fail(gains, SEVERAL)
    assert gains.given_up
    return gains


def test_what_shows_at_once_is_not_awaited_nor_counted_for_another_file() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.deleted(400, 400, 0.0)
    assert gains.pending == 500
    gains.see(1400, 0.0)
    assert gains.pending == 500
    gains.see(1900, 2.0)
    assert gains.pending == 0
    assert not gains.doubtful


def test_more_than_half_of_what_a_file_held_has_to_show() -> None:
    gains = Gains()
    deleted(gains, 500, gained=250)
    gains.settle(0.0)
    assert gains.doubtful
    deleted(gains, 500, gained=251)
    assert not gains.doubtful


def test_several_files_in_vain_are_enough_unless_they_held_too_little() -> None:
    gains = Gains()
    fail(gains, SEVERAL - 1)
    assert not gains.given_up
    assert gains.most(0.0) == 1
    fail(gains, 1)
    assert gains.given_up
    assert gains.most(0.0) == 0

    small = Gains()
    small.least_bytes = 100 * (SEVERAL + 3)
    fail(small, SEVERAL + 2)
    assert not small.given_up
    assert small.most(0.0) == 1
    fail(small, 1)
    assert small.given_up


def test_each_file_of_use_makes_up_for_one_in_vain() -> None:
    gains = Gains()
    for _ in range(10 * SEVERAL):
        gains.failed(100, 0.0)
        gains.helped()
    fail(gains, SEVERAL - 1)
    assert not gains.given_up


def test_what_has_not_shown_yet_counts_as_room_and_holds_others_back() -> None:
    gains = Gains()
    for _ in range(SEVERAL):
        assert gains.most(0.0)
        deleted(gains, 500)
    assert gains.most(0.0) == 0
    assert gains.pending == SEVERAL * 500
    gains.see(1500, 30.0)
    assert gains.most(30.0) == 1


def test_what_never_shows_is_in_vain_after_a_while() -> None:
    gains = Gains()
    for _ in range(SEVERAL):
        deleted(gains, 500)
    gains.see(1000, LATE - 1)
    assert not gains.given_up
    gains.see(1000, LATE)
    assert gains.given_up
    assert gains.pending == 0


def test_what_others_write_does_not_hide_a_gain_for_ever() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.see(1400, 2.0)
    assert gains.pending == 100
    gains.see(900, LATE + 2)
    assert gains.pending == 0
    assert not gains.doubtful


def test_a_rise_much_larger_than_what_was_deleted_is_somebody_elses() -> None:
    gains = Gains()
    fail(gains, 1)
    deleted(gains, 500)
    gains.see(1001 + int(500 * MOST_GAIN), 2.0)
    assert gains.pending == 500
    gains.settle(2.0)
    assert gains.most(2.0) == SEVERAL - 2


def test_what_went_for_its_age_is_awaited_and_proves_nothing() -> None:
    gains = Gains()
    gains.see(1000, 0.0)
    gains.expect(500, 0.0)
    assert (gains.pending, gains.waiting) == (500, False)
    gains.see(1000, LATE)
    assert gains.pending == 0
    assert not gains.doubtful


def test_after_giving_up_one_file_is_tried_after_rests_that_double_to_an_hour() -> None:
    gains = given_up()
    now, rests = 0.0, []
    for _ in range(9):
        rest = next(seconds for seconds in range(10**6) if gains.most(now + seconds))
        rests.append(rest)
        now += rest
        assert gains.most(now) == 1
        fail(gains, 1, now)
    assert rests == [min(FUTILE_REST * 2**n, LONGEST_REST) for n in range(9)]


def test_a_try_that_gains_ends_it_and_the_rest_is_short_again_only_once_all_is_well() -> None:
    gains = given_up()
    fail(gains, 1, FUTILE_REST)
    gains.helped()
    assert not gains.given_up
    assert gains.most(FUTILE_REST) == 1, "no more than proved to be of use"
    fail(gains, 1, 1000.0)
    assert gains.most(1000.0 + 4 * FUTILE_REST - 1) == 0
    assert gains.most(1000.0 + 4 * FUTILE_REST) == 1
    for _ in range(SEVERAL):
        gains.helped()
    fail(gains, SEVERAL, 2000.0)
    assert gains.most(2000.0 + FUTILE_REST) == 1


def test_ample_room_brings_the_next_try_forward_once_an_hour() -> None:
    gains = given_up()
    fail(gains, 6)
    gains.hasten(1.0)
    assert gains.most(1.0) == 1
    assert gains.given_up
    fail(gains, 1, 1.0)
    gains.hasten(2.0)
    assert gains.most(2.0) == 0
    gains.hasten(1.0 + LONGEST_REST)
    assert gains.most(1.0 + LONGEST_REST) == 1


def test_a_disk_that_was_away_is_awaited_no_more() -> None:
    gains = Gains()
    deleted(gains, 500)
    gains.forget()
    gains.see(9000, 1.0)
    assert (gains.pending, gains.doubtful) == (0, False)

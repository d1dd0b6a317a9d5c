"""The wait before a failed worker is started anew."""

from edged.cameras.backoff import Backoff


def delays(count: int, healthy: float) -> list[float]:
    backoff, found = Backoff(), []
    for _ in range(count):
        backoff = backoff.failed(healthy)
        found.append(backoff.delay)
    return found


def test_wait_doubles_from_half_a_second_to_thirty() -> None:
    assert delays(9, 0) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert delays(5000, 0)[-1] == 30


def test_minute_of_health_is_a_new_beginning() -> None:
    tired = Backoff(failures=7)
    assert tired.failed(59).delay == 30
    assert tired.failed(60).delay == 0.5

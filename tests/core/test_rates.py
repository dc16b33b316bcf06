"""So many times at once, and then evenly."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rates import Rate, take

TEN_A_MINUTE = Rate(10, 60.0)


def spend(rate: Rate, times: list[float]) -> list[float]:
    """Ask at each of the times, and return the waits."""
    paid_at, waits = 0.0, []
    for now in times:
        then, wait = take(rate, paid_at, now)
        waits.append(wait)
        paid_at = paid_at if wait else then
    return waits


def test_all_of_them_may_come_at_once_and_no_more() -> None:
    assert spend(TEN_A_MINUTE, [1000.0] * 11) == [0.0] * 10 + [6.0]


def test_who_waits_as_told_is_let_through_once() -> None:
    assert spend(TEN_A_MINUTE, [1000.0] * 10 + [1006.0, 1006.0]) == [0.0] * 11 + [6.0]


def test_who_was_refused_has_nothing_to_pay() -> None:
    assert spend(TEN_A_MINUTE, [1000.0] * 50 + [1006.0])[-1] == 0.0


@given(st.integers(1, 500), st.integers(1, 3600))
def test_the_whole_count_fits_into_one_moment(count: int, period: int) -> None:
    waits = spend(Rate(count, period), [1_800_000_000.0] * (count + 1))
    assert waits[:count] == [0.0] * count
    assert waits[count] > 0


def test_after_a_whole_period_everything_is_forgotten() -> None:
    assert spend(TEN_A_MINUTE, [1000.0] * 10 + [1060.0] * 10) == [0.0] * 20


@given(st.lists(st.floats(0, 300), max_size=200), st.integers(1, 20), st.integers(1, 60))
def test_no_period_ever_lets_through_more_than_twice_its_count(gaps: list[float], count: int, period: int) -> None:
    times = sorted(1000.0 + gap for gap in gaps)
    let_through = [now for now, wait in zip(times, spend(Rate(count, period), times), strict=True) if not wait]
    for begin in let_through:
        assert sum(begin <= now < begin + period for now in let_through) <= 2 * count

"""An open load: requests are due at their times, and latency runs from there."""

from bench.arrivals import Arrivals


def test_a_request_is_taken_when_its_time_has_come_and_not_before() -> None:
    arrivals = Arrivals(began=10.0, rate=4.0, count=3)
    assert arrivals.take(9.9) is None
    assert arrivals.take(10.0) == 10.0
    assert arrivals.next_due == 10.25
    assert arrivals.take(10.2) is None
    assert arrivals.take(10.3) == 10.25


def test_there_is_an_end() -> None:
    arrivals = Arrivals(began=0.0, rate=1.0, count=1)
    assert arrivals.take(5.0) == 0.0
    assert arrivals.next_due is None
    assert arrivals.take(6.0) is None


def test_who_stands_still_is_charged_with_every_request_that_was_due_meanwhile() -> None:
    """The server answers nothing for one second: of the 4 requests that were due in it, one alone was sent in time."""
    arrivals = Arrivals(began=0.0, rate=4.0, count=4)
    first = arrivals.take(0.0)
    assert first is not None
    arrivals.answered(first, 1.0)
    while (due := arrivals.take(1.0)) is not None:
        arrivals.answered(due, 1.0)
    assert arrivals.latencies == [1.0, 0.75, 0.5, 0.25]

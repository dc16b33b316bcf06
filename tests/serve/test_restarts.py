"""Started again at once after one death, later and later after many."""

from gateway.serve.restarts import STEADY, Restarts


def test_the_first_death_costs_no_wait_and_further_ones_cost_more_and_more() -> None:
    restarts = Restarts()
    delays = [restarts.delay_after(0.1) for _ in range(10)]
    assert delays[:5] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == 30.0
    assert delays == sorted(delays)


def test_a_process_that_lived_for_a_while_is_forgiven() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.delay_after(0.1)
    assert restarts.delay_after(STEADY) == 0.0
    assert restarts.delay_after(0.1) == 0.5

"""The wheel: nobody early, nobody much later, and putting a deadline off costs nothing."""

import pytest

from gateway.wire.wheel import NEVER, Wheel


class Sleeper:
    def __init__(self) -> None:
        self.deadline = self.due = NEVER
        self.rings = 0
        self.error: Exception | None = None

    def expire(self) -> None:
        self.rings += 1
        if self.error is not None:
            raise self.error


def turn(wheel: Wheel, times: int) -> None:
    for _ in range(times):
        wheel.turn()


@pytest.mark.parametrize(("seconds", "turns"), [(0.2, 2), (1.0, 2), (1.5, 3), (10.0, 11)])
def test_a_deadline_is_never_early_and_at_most_two_ticks_late(seconds: float, turns: int) -> None:
    wheel, sleeper = Wheel(1.0), Sleeper()
    wheel.arm(sleeper, wheel.span(seconds))
    turn(wheel, turns - 1)
    assert sleeper.rings == 0
    wheel.turn()
    assert sleeper.rings == 1


def test_a_deadline_that_was_put_off_is_looked_at_again_later() -> None:
    wheel, sleeper = Wheel(1.0), Sleeper()
    wheel.arm(sleeper, wheel.span(2))
    wheel.turn()
    wheel.arm(sleeper, wheel.span(10))
    turn(wheel, 10)
    assert sleeper.rings == 0
    wheel.turn()
    assert sleeper.rings == 1


def test_a_deadline_can_come_nearer() -> None:
    wheel, sleeper = Wheel(1.0), Sleeper()
    wheel.arm(sleeper, wheel.span(100))
    wheel.arm(sleeper, wheel.span(1))
    turn(wheel, 2)
    assert sleeper.rings == 1
    turn(wheel, 200)
    assert sleeper.rings == 1


def test_who_waits_for_nothing_is_left_alone_and_can_wait_again() -> None:
    wheel, sleeper = Wheel(1.0), Sleeper()
    wheel.arm(sleeper, wheel.span(1))
    wheel.disarm(sleeper)
    turn(wheel, 5)
    assert sleeper.rings == 0
    wheel.arm(sleeper, wheel.span(1))
    turn(wheel, 2)
    assert sleeper.rings == 1


def test_who_is_forgotten_is_not_held() -> None:
    wheel, sleeper = Wheel(1.0), Sleeper()
    wheel.arm(sleeper, wheel.span(1))
    wheel.forget(sleeper)
    turn(wheel, 5)
    assert (sleeper.rings, wheel._due) == (0, {})


async def test_a_fault_of_one_does_not_keep_the_others_waiting(caplog: pytest.LogCaptureFixture) -> None:
    wheel, broken, fine = Wheel(1.0), Sleeper(), Sleeper()
    broken.error = ValueError("broken")
    wheel.arm(broken, wheel.span(1))
    wheel.arm(fine, wheel.span(1))
    turn(wheel, 2)
    assert (broken.rings, fine.rings) == (1, 1)
    assert "unexpected error" in caplog.text


async def test_it_turns_by_itself_until_it_is_stopped() -> None:
    import asyncio

    rung = asyncio.Event()

    class Alarm(Sleeper):
        def expire(self) -> None:
            rung.set()

    wheel = Wheel(0.001)
    wheel.start()
    wheel.start()
    wheel.arm(Alarm(), wheel.span(0.002))
    await asyncio.wait_for(rung.wait(), 5)
    wheel.stop()
    now = wheel.now
    wheel.stop()
    await asyncio.sleep(0.005)
    assert wheel.now == now

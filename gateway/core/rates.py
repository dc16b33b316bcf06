"""How often something may happen: so many times at once, and then evenly (the generic cell rate algorithm).

What is kept of a key is one number, the time at which everything taken so far would be paid back; a key whose time has
come is as good as one that was never seen, and may be forgotten.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` times within `period` seconds: all of them at once if nothing was taken before."""

    count: int
    period: float

    @property
    def step(self) -> float:
        """Seconds until one more is paid back."""
        return self.period / self.count


ROUNDING = 0.001
"""Seconds; a shorter wait is an error of arithmetic."""


class Charge(NamedTuple):
    """One use of what `name` counts, at its rate. A name says what is counted and holds no secret."""

    name: str
    rate: Rate


def take(rate: Rate, paid_at: float, now: float) -> tuple[float, float]:
    """Return when all would be paid back if one more was taken now, and the seconds to wait until it may be.

    `paid_at` is what was returned the last time, or anything in the past. A wait above zero says that nothing is taken.
    """
    then = max(paid_at, now) + rate.step
    wait = then - now - rate.period
    return then, wait if wait > ROUNDING else 0.0

"""One timer for all waits of a process: deadlines in whole ticks, moved by assignment, looked at when they are due.

A tick counts only when the loop turned, so that time during which the process did not run (a stopped container, a
suspended machine) times nobody out.
"""

import asyncio
import sys
from math import ceil
from typing import Protocol

from gateway.wire.transport import report

NEVER = sys.maxsize
"""The deadline of somebody who waits for nothing."""


class Timed(Protocol):
    """Somebody with a deadline. Both numbers belong to the wheel and start as `NEVER`."""

    deadline: int
    due: int
    """The tick at which the wheel looks; never later than `deadline`."""

    def expire(self) -> None:
        """The deadline has passed."""
        ...


class Wheel:
    """Calls `expire` no earlier than asked and at most two ticks later. `tick` is in seconds.

    Putting a deadline off is an assignment: the wheel finds out when it looks, and looks again later.
    """

    def __init__(self, tick: float = 1.0) -> None:
        self.now = 0
        self._tick = tick
        self._due: dict[int, set[Timed]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to turn in the running loop; harmless when it turns already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick, self._ring)

    def stop(self) -> None:
        """Stop turning; deadlines stay as they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def span(self, seconds: float) -> int:
        """Return how many ticks last at least that long; one more, because the present one has begun already."""
        return ceil(seconds / self._tick) + 1

    def arm(self, timed: Timed, span: int) -> None:
        """Let `timed` expire after `span` ticks from now; replaces the deadline that it had."""
        deadline = timed.deadline = self.now + span
        if deadline < timed.due:
            self._take_out(timed)
            self._put_in(timed, deadline)

    def disarm(self, timed: Timed) -> None:
        """Let `timed` wait for nothing."""
        timed.deadline = NEVER

    def forget(self, timed: Timed) -> None:
        """Let go of somebody who is gone."""
        self._take_out(timed)
        timed.deadline = timed.due = NEVER

    def turn(self) -> None:
        """One tick has passed."""
        self.now += 1
        for timed in self._due.pop(self.now, ()):
            deadline = timed.deadline
            timed.due = NEVER
            if deadline == NEVER:
                continue
            if deadline > self.now:
                self._put_in(timed, deadline)
                continue
            timed.deadline = NEVER
            try:
                timed.expire()
            except Exception as error:
                report(error)

    def _ring(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._ring)
        self.turn()

    def _put_in(self, timed: Timed, deadline: int) -> None:
        timed.due = deadline
        self._due.setdefault(deadline, set()).add(timed)

    def _take_out(self, timed: Timed) -> None:
        waiting = self._due.get(timed.due)
        if waiting is not None:
            waiting.discard(timed)
            if not waiting:
                del self._due[timed.due]

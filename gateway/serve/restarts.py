"""When a process that died is started again: the first time at once, later and later if it keeps dying. Pure."""

STEADY = 10.0
"""A process that lived for so many seconds is taken for sound."""
_FIRST, _LONGEST = 0.5, 30.0


class Restarts:
    """The history of one process that is kept alive."""

    def __init__(self) -> None:
        self._failures = 0

    def delay_after(self, lived: float) -> float:
        """Return how many seconds to wait after a death; `lived` is how many it had been alive."""
        if lived >= STEADY:
            self._failures = 0
        self._failures += 1
        return 0.0 if self._failures == 1 else float(min(_FIRST * 2 ** (self._failures - 2), _LONGEST))

"""When the requests of an open load are due, and how late their answers are."""


class Arrivals:
    """`count` requests; the n-th is due n / `rate` seconds after `began`, whether or not those before it were answered.

    Latency runs from the moment at which a request was due. A load that measures from the moment of sending stops asking while
    the server stands still, and so never sees most of the wait ("coordinated omission"). All times in seconds of one clock.
    """

    __slots__ = ("_began", "_count", "_rate", "_taken", "latencies")

    def __init__(self, *, began: float, rate: float, count: int) -> None:
        self._began = began
        self._rate = rate
        self._count = count
        self._taken = 0
        self.latencies: list[float] = []

    @property
    def next_due(self) -> float | None:
        """When the next request is due; None after the last one."""
        return self._began + self._taken / self._rate if self._taken < self._count else None

    def take(self, now: float) -> float | None:
        """Take the next request if its time has come. Returns when it was due."""
        due = self.next_due
        if due is None or due > now:
            return None
        self._taken += 1
        return due

    def answered(self, due: float, now: float) -> None:
        """The request that was due then has its whole answer now."""
        self.latencies.append(now - due)

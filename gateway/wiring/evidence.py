"""What was seen lately, for the criteria of the next phase: differences of counters, noted every quarter of an hour."""

from collections import deque
from collections.abc import Callable

from gateway.core.criteria import Evidence
from gateway.observe.tally import Counts

_STEP = 900.0  # seconds between two samples
_SPAN = 86400.0  # seconds that are looked back


class Lookback:
    """Samples of the counters over a day. They begin with this gateway: what was before its start is not known."""

    def __init__(self, count: Callable[[], Counts], now: float) -> None:
        self._count = count
        self._samples = deque([(now, count())], maxlen=int(_SPAN / _STEP) + 1)
        self._since: float | None = None

    def note(self, now: float, since: float | None) -> None:
        """Take a sample when it is time, and when a phase has begun (`since`); to be called about once a second."""
        at = self._samples[-1][0]
        if since is not None and since != self._since and since > at:
            self._samples.append((since, self._count()))
        elif now >= at + _STEP:
            self._samples.append((now, self._count()))
        self._since = since

    def evidence(self, now: float, since: float | None) -> Evidence:
        """Return what was seen in the last day, or since then where that is later, as far back as it is known."""
        self.note(now, since)
        begin = max(now - _SPAN, since or 0.0)
        at, before = next((sample for sample in reversed(self._samples) if sample[0] <= begin), self._samples[0])
        seen = Counts(*(later - earlier for later, earlier in zip(self._count(), before, strict=True)))
        return Evidence(max(0.0, now - at), *seen)

"""The clock of this machine."""

import time


class SystemClock:
    """See `ports.Clock`."""

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

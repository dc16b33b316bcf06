"""The clock of this machine."""

import time


class SystemClock:
    """See `ports.Clock`."""

    wall = staticmethod(time.time)
    """Seconds since 1970."""
    monotonic = staticmethod(time.monotonic)
    """Seconds that never go back."""

"""Deletes what has expired, a little at a time, so that nobody waits behind it."""

from gateway.family_ports import RefreshStore

_EVERY = 10.0
"""Seconds between two rounds; none while rows are left over: where much expires at once, it must not fall behind."""
_LIMIT = 1000
"""Rows in one round."""


class Sweep:
    """Does a round when one is due."""

    def __init__(self, families: RefreshStore, *, is_ours: bool) -> None:
        """`is_ours` where this process is the one that keeps house."""
        self._families = families
        self._due = 0.0 if is_ours else float("inf")

    async def look(self, now: float) -> None:
        """Delete a round's worth of rows if it is time to."""
        if now < self._due:
            return
        self._due = now + _EVERY
        if await self._families.delete_expired(now, _LIMIT) >= _LIMIT:
            self._due = now

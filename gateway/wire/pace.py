"""How fast the other side of a connection reads."""

import asyncio

from gateway.wire.policy import WirePolicy


class Pace:
    """Looks, from one window of `write_timeout` to the next, whether a full write buffer empties fast enough."""

    __slots__ = ("_least", "_unsent")

    def __init__(self, policy: WirePolicy) -> None:
        self._least = max(1, policy.minimum_rate * policy.write_timeout)
        self._unsent = 0

    def start(self, transport: asyncio.Transport | None) -> None:
        """Begin a window."""
        self._unsent = _unsent(transport)

    def is_stuck(self, transport: asyncio.Transport | None) -> bool:
        """End a window and begin the next: whether less than the minimum was read in it, and something is left."""
        unsent = _unsent(transport)
        has_read, self._unsent = self._unsent - unsent, unsent
        return unsent > 0 and has_read < self._least


def _unsent(transport: asyncio.Transport | None) -> int:
    return transport.get_write_buffer_size() if transport is not None else 0

"""What is written while the loop tells of what has arrived, sent together at the end of that turn.

A peer that sleeps is woken by the first byte: a call of the scheduler and, between processors, an interrupt, both at
the cost of the writer. Whatever follows at once finds it awake. With the work of a request between any two writes each
of them wakes somebody, which took a third of our CPU time.
"""

import asyncio

from gateway.wire.transport import report

_LARGE = 16 * 1024
"""Bytes of a piece that goes at once, and is not copied to join it with others."""
_MOST = 64
"""Writes that wait at most, so that the first of a long turn does not wait for all of them."""


class Outbox:
    """The writes to one side. Whatever is written to a transport of that side goes through here, in order.

    Nothing here raises, whatever became of the other side. What still waits when a transport is closed or aborted is
    dropped; whoever wants it sent calls `flush` before.
    """

    __slots__ = ("_waiting", "turn")

    def __init__(self) -> None:
        self.turn = 0
        """How often all that waited was sent. What was `put` under the present number still waits."""
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []

    def put(self, transport: asyncio.Transport | None, data: bytes) -> None:
        """Write at the end of this turn of the loop."""
        if transport is None:
            return
        waiting = self._waiting
        if not waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        waiting.append((transport, data))
        if len(waiting) >= _MOST:
            self.flush()

    def put_pieces(self, transport: asyncio.Transport | None, pieces: tuple[bytes, ...]) -> None:
        """Write pieces as one; where the last one is large, at once."""
        if len(pieces[-1]) <= _LARGE:
            self.put(transport, b"".join(pieces))
        elif transport is not None:
            self.flush()
            if not transport.is_closing():
                transport.writelines(pieces)

    def write(self, transport: asyncio.Transport | None, data: bytes) -> None:
        """Write now, after what waits."""
        if self._waiting:
            self.flush()
        if transport is not None and data and not transport.is_closing():
            transport.write(data)

    def flush(self) -> None:
        """Write what waits."""
        self.turn += 1
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                try:
                    transport.write(data)
                except Exception as error:
                    report(error)

"""A connection whose last answer was written: it ends so that the client can still read that answer.

Closing at once would reset it while bytes of the client are unread, and take the answer with it (RFC 9112 section 9.6).
So the stream is ended, what still comes is discarded, and not for long.
"""

import asyncio

from gateway.wire import transport as guard
from gateway.wire.pace import Pace
from gateway.wire.shared import Wire
from gateway.wire.wheel import NEVER


class Lingering(asyncio.Protocol):
    """The protocol of a client's connection from its last answer to its end."""

    __slots__ = ("_is_flushing", "_pace", "_tls", "_transport", "_wire", "deadline", "due")

    def __init__(self, wire: Wire, transport: asyncio.Transport, *, at_eof: bool) -> None:
        self._wire = wire
        self._transport = transport
        self._tls = guard.is_tls(transport)
        self._pace = Pace(wire.policy)
        self._is_flushing = False
        self.deadline = self.due = NEVER
        wire.connections.add(self)
        wire.wheel.arm(self, wire.spans.linger)
        wire.outbox.flush()
        transport.set_protocol(self)
        if at_eof:
            transport.close()
        else:
            guard.end_writing(transport)
            guard.resume_reading(transport)

    @property
    def is_busy(self) -> bool:
        """Never."""
        return False

    @property
    def is_endless(self) -> bool:
        """It ends soon."""
        return False

    def data_received(self, _data: bytes) -> None:
        """Too late."""

    def eof_received(self) -> bool:
        """The client has ended too."""
        self._transport.close()
        return not self._tls

    def connection_lost(self, _error: Exception | None) -> None:
        """It is over."""
        self._wire.wheel.forget(self)
        self._wire.leave(self)

    def pause_writing(self) -> None:
        """Nothing is written any more."""

    def resume_writing(self) -> None:
        """Nothing is written any more."""

    def expire(self) -> None:
        """The time is over; an answer that is still being read gets windows of its own."""
        if not self._transport.get_write_buffer_size():
            self._transport.abort()  # not a reset: what the kernel has not delivered yet is still delivered
        elif self._is_flushing and self._pace.is_stuck(self._transport):
            guard.reset(self._transport)
        else:
            self._is_flushing = True
            self._pace.start(self._transport)
            self._wire.wheel.arm(self, self._wire.spans.write)

    def drain(self) -> None:
        """It is ending anyway."""

    def abort(self) -> None:
        """Close at once; with a reset where the answer is not all sent, since its end may be that of the connection."""
        if self._transport.get_write_buffer_size():
            guard.reset(self._transport)
        else:
            self._transport.abort()

"""A WebSocket after its handshake: bytes untouched in both directions, until one side or a revocation ends it."""

import asyncio

from gateway.model import Permit
from gateway.wire import transport as guard
from gateway.wire.exchange import Exchange
from gateway.wire.frames import GOING_AWAY, SERVICE_RESTART, SESSION_ENDED, FrameCounter, close_frame
from gateway.wire.pace import Pace
from gateway.wire.policy import WirePolicy
from gateway.wire.shared import Spans
from gateway.wire.wheel import NEVER


class Side(asyncio.Protocol):
    """One end of a tunnel. What cannot be written to it is not read from the other one."""

    __slots__ = ("_is_tls", "_tunnel", "at_eof", "is_full", "pace", "transport")

    def __init__(self, tunnel: "Tunnel", transport: asyncio.Transport, *, at_eof: bool = False) -> None:
        self._tunnel = tunnel
        self._is_tls = guard.is_tls(transport)
        self.transport: asyncio.Transport | None = transport
        self.pace = Pace(tunnel.policy)
        self.is_full = False
        self.at_eof = at_eof

    def data_received(self, data: bytes) -> None:
        """Bytes for the other side."""
        self._tunnel.carry(self, data)

    def eof_received(self) -> bool:
        """This side has said all it had to say; the other one may go on."""
        self.at_eof = True
        self._tunnel.ended(self)
        return not self._is_tls

    def connection_lost(self, _error: Exception | None) -> None:
        """This side is gone."""
        self.transport = None
        self._tunnel.lost(self)

    def pause_writing(self) -> None:
        """This side does not read."""
        self.is_full = True
        self._tunnel.filled(self)

    def resume_writing(self) -> None:
        """This side reads again."""
        self.is_full = False
        self._tunnel.emptied(self)

    @property
    def is_stuck(self) -> bool:
        """Whether this side was given enough time to read what was written to it."""
        return self.is_full and self.pace.is_stuck(self.transport)


class Tunnel:
    """Two transports joined."""

    __slots__ = ("_client", "_exchange", "_frames", "_handle", "_is_ending", "_upstream", "deadline", "due")

    def __init__(
        self, exchange: Exchange, client: asyncio.Transport, upstream: asyncio.Transport, *, is_half_closed: bool
    ) -> None:
        self._exchange = exchange
        self._client = Side(self, client, at_eof=is_half_closed)
        self._upstream = Side(self, upstream)
        self._frames = FrameCounter()
        self._handle: object = None
        self._is_ending = False
        self.deadline = self.due = NEVER
        client.set_protocol(self._client)
        upstream.set_protocol(self._upstream)

    def start(self, top: bytes, late: bytes, early: bytes, permit: Permit) -> None:
        """Write the head of the 101 and what the application sent behind it, and then what the client sent early."""
        wire = self._exchange.wire
        wire.connections.add(self)
        self._arm(self._spans.tunnel)
        self._handle = wire.live.add(permit, self._revoke)
        self._frames.feed(late)
        guard.write(self._client.transport, top + late)
        guard.write(self._upstream.transport, early)
        guard.resume_reading(self._upstream.transport)
        if self._client.at_eof:
            self.ended(self._client)
        else:
            guard.resume_reading(self._client.transport)

    # --- for the sides ---

    def other(self, side: Side) -> Side:
        """Return the other one."""
        return self._upstream if side is self._client else self._client

    @property
    def policy(self) -> WirePolicy:
        """How clients are served."""
        return self._exchange.wire.policy

    def filled(self, side: Side) -> None:
        """Take no more for a side that does not read, and measure how long that lasts."""
        guard.pause_reading(self.other(side).transport)
        side.pace.start(side.transport)
        self._arm(self._spans.write)

    def emptied(self, side: Side) -> None:
        """Go on."""
        other = self.other(side)
        if not other.at_eof:
            guard.resume_reading(other.transport)
        if not other.is_full:
            self._arm(self._spans.tunnel)

    def carry(self, side: Side, data: bytes) -> None:
        """Bring bytes to the other side."""
        if self._is_ending:
            return
        if side is self._upstream:
            self._frames.feed(data)
        if not (side.is_full or self.other(side).is_full):
            self._arm(self._spans.tunnel)
        guard.write(self.other(side).transport, data)

    def ended(self, side: Side) -> None:
        """Tell the other side that no more will come; when both have ended, it is over."""
        other = self.other(side)
        if self._is_ending or other.at_eof:
            self._close(side)
            self._close(other)
        elif other.transport is not None:
            guard.end_writing(other.transport)

    def lost(self, side: Side) -> None:
        """One side is gone: what it sent still reaches the other one, which then is closed."""
        wire = self._exchange.wire
        self._note("")
        other = self.other(side)
        if other.transport is None:
            wire.wheel.forget(self)
            wire.leave(self)
        elif not self._is_ending:
            self._is_ending = True
            self._close(other)
            self._arm(self._spans.write)

    # --- for the wheel, the server and a revocation ---

    @property
    def is_busy(self) -> bool:
        """Always."""
        return True

    @property
    def is_endless(self) -> bool:
        """A tunnel ends when one of its sides does."""
        return True

    def expire(self) -> None:
        """Nothing was said for long, or a side does not take its end."""
        sides = (self._client, self._upstream)
        is_full = any(side.is_full for side in sides)
        if self._is_ending or any(side.is_stuck for side in sides):
            for side in sides:
                guard.reset(side.transport)
        elif is_full:
            self._arm(self._spans.write)
        else:
            self._end(GOING_AWAY, "")

    def drain(self) -> None:
        """A tunnel goes on as long as it may."""

    def abort(self) -> None:
        """The process ends: the client is told to come back."""
        self._end(SERVICE_RESTART, "shutting_down")

    def _revoke(self) -> None:
        self._end(SESSION_ENDED, "session_ended")

    # --- inside ---

    def _end(self, close_code: int, code: str) -> None:
        """End it from here: a close frame where the application's last frame was complete, then the end.

        What the client still sends is discarded, so that it can read the close frame.
        """
        if self._is_ending:
            return
        self._is_ending = True
        self._note(code)
        self._close(self._upstream)
        client = self._client.transport
        if client is not None:
            if self._frames.is_at_boundary:
                guard.write(client, close_frame(close_code))
            guard.end_writing(client)
            if self._client.at_eof:
                client.close()
            else:
                guard.resume_reading(client)
        self._arm(self._spans.linger)

    def _close(self, side: Side) -> None:
        if side.transport is not None:
            side.transport.close()

    def _arm(self, span: int) -> None:
        self._exchange.wire.wheel.arm(self, span)

    @property
    def _spans(self) -> Spans:
        return self._exchange.wire.spans

    def _note(self, code: str) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._exchange.wire.live.remove(handle)
        self._exchange.end(code)

"""A connection to the application: one request at a time, its response told to a receiver piece by piece.

How to drive one (`wire.forward` and `asgi.proxy` both do)::

    pool.acquire(waiter)                           → waiter.connected(connection), now or later
    connection.send(receiver, head, head_and_first_bytes, is_last=False)
    connection.send_more(framed_bytes, is_last=True)
                                                   → receiver.response_started(response, payload, is_last)
                                                   → receiver.response_continued(payload, is_last), any number of times

After `is_last`, and after `failed`, the connection is not the driver's any more: it has gone back to its pool or is
closed, and must not be touched. Before that the driver may call `pause`, `resume` and `abort` at any time.
A connection that was acquired and not used goes back with `pool.release(connection)`.
"""

import asyncio
from typing import Protocol, cast

from gateway.errors import (
    GatewayError,
    InternalError,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.http1.body import BodyReader, ChunkedReader, UntilCloseReader
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead, ResponseReader, ResponseTable, response_body_reader
from gateway.model import RequestHead
from gateway.wire import transport as guard
from gateway.wire.outbox import Outbox
from gateway.wire.policy import UpstreamPolicy
from gateway.wire.receiver import Receiver
from gateway.wire.semantics import IDEMPOTENT, signs_connection_in
from gateway.wire.wheel import NEVER, Wheel


class Spans:
    """The waits of `UpstreamPolicy` in ticks of the wheel."""

    __slots__ = ("idle", "response", "stream", "unused")

    def __init__(self, policy: UpstreamPolicy, wheel: Wheel) -> None:
        self.response = wheel.span(policy.response_timeout)
        self.idle = wheel.span(policy.idle_timeout)
        self.stream = wheel.span(policy.stream_timeout)
        self.unused = wheel.span(policy.pool_idle)


class Owner(Protocol):
    """Whose connection it is; see `wire.pool.Pool`."""

    limits: Limits
    outbox: Outbox
    spans: Spans
    table: ResponseTable
    wheel: Wheel

    def keep(self, connection: "UpstreamConnection") -> None:
        """It is open."""
        ...

    def release(self, connection: "UpstreamConnection") -> None:
        """It can serve another request."""
        ...

    def forget(self, connection: "UpstreamConnection") -> None:
        """It is lost, or no connection of HTTP any more. May be called twice."""
        ...


class UpstreamConnection(asyncio.Protocol):
    """One connection of a pool."""

    __slots__ = (
        "_body",
        "_has_answered",
        "_is_paused",
        "_is_sent",
        "_keep_alive",
        "_method",
        "_outbox",
        "_patience",
        "_pool",
        "_reader",
        "_receiver",
        "_signs_in",
        "_spans",
        "_turn",
        "_wheel",
        "deadline",
        "due",
        "has_waited",
        "transport",
    )

    def __init__(self, pool: Owner) -> None:
        self._pool = pool
        self._spans = pool.spans
        self._wheel = pool.wheel
        self._outbox = pool.outbox
        self._reader = ResponseReader(pool.limits, pool.table)
        self._receiver: Receiver | None = None
        self._body: BodyReader | None = None
        self._method = b""
        self._patience = 0
        self._turn = NEVER
        self._is_sent = self._has_answered = self._is_paused = self._keep_alive = self._signs_in = False
        self.transport: asyncio.Transport | None = None
        self.has_waited = False
        """Whether it was in its pool before, so that the application may have closed it meanwhile."""
        self.deadline = self.due = NEVER

    @property
    def is_usable(self) -> bool:
        """Whether it is open, as far as anybody has heard."""
        transport = self.transport
        return transport is not None and not transport.is_closing()

    # --- for the driver ---

    def send(self, receiver: Receiver, head: RequestHead, data: bytes, is_last: bool) -> None:
        """Send the request that `head` describes: its written head with what there is of the body.

        `is_last` says that this is all of it.
        """
        self._receiver = receiver
        self._method = method = head.method
        self._is_sent = is_last
        self._has_answered = False
        authorization = head.authorization
        self._signs_in = authorization is not None and signs_connection_in(authorization)
        self._reader.start(method, websocket=head.websocket)
        self._patience = span = self._spans.response
        self._wheel.arm(self, span)
        if is_last and method in IDEMPOTENT:
            self._turn = self._outbox.turn
            self._outbox.put(self.transport, data)
        else:  # what cannot be sent a second time does not wait while the connection may be closed
            self._turn = NEVER
            self._outbox.write(self.transport, data)

    def send_more(self, data: bytes, is_last: bool) -> None:
        """Send more of the body, framed as the head announced it."""
        self._is_sent = is_last
        self._wait(self._patience)
        self._outbox.write(self.transport, data)

    def pause(self) -> None:
        """Take no more of the response for now; the time does not count."""
        self._is_paused = True
        self._wheel.disarm(self)
        guard.pause_reading(self.transport)

    def resume(self) -> None:
        """Take more of the response."""
        if self._is_paused:
            self._is_paused = False
            self._wheel.arm(self, self._patience)
            guard.resume_reading(self.transport)

    def expect_stream(self) -> None:
        """Allow for more silence than usual before the rest of this response is given up."""
        self._wait(self._spans.stream)

    def abort(self) -> None:
        """Close at once; the receiver hears nothing more."""
        self._receiver = None
        if self.transport is not None:
            self.transport.abort()

    def hand_over(self, receiver: Receiver) -> None:
        """Let somebody else hear of the response, who takes it as it comes. The request is sent completely."""
        self._receiver = receiver
        self.resume()

    def detach(self) -> asyncio.Transport | None:
        """Give the transport away, after a 101. None when it is lost already."""
        self._receiver = None
        self._leave()
        self._outbox.flush()
        transport, self.transport = self.transport, None
        return transport

    # --- for the loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self.transport = cast("asyncio.Transport", transport)
        guard.set_buffer_limits(self.transport)
        self._pool.keep(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of a response; where nobody asked for one, the connection is not to be trusted any more."""
        receiver = self._receiver
        if receiver is None:
            self.abort()
            return
        if self._turn == self._outbox.turn:  # the request still waits, so that this is not the answer to it
            self._fail(UpstreamUnreachable())
            return
        self._has_answered = True
        response, body = None, self._body
        try:
            if body is not None:
                payload = body.feed(data)
            else:
                response = self._reader.feed(data)
                if response is None:
                    return
                payload = self._begin_body(receiver, response, self._reader.rest)
        except GatewayError as error:
            self._fail(error if isinstance(error, UpstreamError) else UpstreamMalformed())
        except Exception as error:
            guard.report(error)
            self._fail(InternalError())
        else:
            self._deliver(receiver, response, payload)

    def eof_received(self) -> None:
        """The application closed its side: the end of a body without a length, else a body cut short."""
        receiver, body = self._receiver, self._body
        if receiver is None or body is None:
            return
        try:
            body.eof()
        except GatewayError:
            return  # `connection_lost` follows and says so
        self._deliver(receiver, None, b"")

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection is gone, and with it what was going on."""
        self.transport = None
        self._leave()
        self._fail(UpstreamUnreachable())

    def pause_writing(self) -> None:
        """The application does not read."""
        if self._receiver is not None:
            self._receiver.pause_sending()

    def resume_writing(self) -> None:
        """The application reads again."""
        if self._receiver is not None:
            self._receiver.resume_sending()

    def expire(self) -> None:
        """Too long without use, or without an answer."""
        if self._receiver is None:
            self.abort()
        else:
            self._fail(UpstreamTimeout())

    # --- one response ---

    def _begin_body(self, receiver: Receiver, response: ResponseHead, rest: bytes) -> bytes:
        """Find out how the body ends; returns its first bytes."""
        # Whoever came next would be taken for the user that the connection was signed in for (CVE-2026-88007).
        self._keep_alive = response.keep_alive and not self._signs_in
        if response.length == len(rest) and response.status == 200 and self._method != b"HEAD":
            return rest  # the whole body came with the head, which is the rule; no reader is needed to see that
        if response.status == 101:
            self._keep_alive = False
            self._body = UntilCloseReader()
            return rest
        body = self._body = response_body_reader(response, self._method)
        if body is None:
            self._keep_alive = self._keep_alive and not rest
            return b""
        if isinstance(body, ChunkedReader):
            body.keeps_framing = receiver.takes_chunks
        return body.feed(rest) if rest else b""

    def _deliver(self, receiver: Receiver, response: ResponseHead | None, payload: bytes) -> None:
        body = self._body
        is_last = body is None or body.is_done
        if is_last:
            # Nothing is done with this connection after the receiver has heard: it may serve another one by then.
            self._finish(is_clean=body is None or not body.rest)
        elif response is not None:
            self._wait(self._spans.idle)
        else:
            self._wait(self._patience)
        try:
            if response is not None:
                receiver.response_started(response, payload, is_last)
            elif payload or is_last:
                receiver.response_continued(payload, is_last)
        except GatewayError as error:
            self._give_up(receiver, error)
        except (Exception, asyncio.CancelledError) as error:  # what a look waits for may have been given up
            guard.report(error)
            self._give_up(receiver, InternalError())

    def _give_up(self, receiver: Receiver, error: GatewayError) -> None:
        """The receiver could not go on; where the response was complete, the connection may serve another already."""
        if self._receiver is receiver:
            self._fail(error)
        else:
            _tell(receiver, error, may_retry=False)

    def _finish(self, *, is_clean: bool) -> None:
        """The response is complete. Only what has nothing left over on either side is used again."""
        self._receiver = self._body = None
        self._reader.rest = b""
        transport = self.transport
        is_clean = is_clean and self._keep_alive and self._is_sent
        if is_clean and transport is not None and not transport.get_write_buffer_size():
            if self._is_paused:
                self.resume()
            self._pool.release(self)
        else:
            self.abort()

    def _fail(self, error: GatewayError) -> None:
        receiver, self._receiver = self._receiver, None
        may_retry = self.has_waited and not self._has_answered and isinstance(error, UpstreamUnreachable)
        self.abort()
        if receiver is not None:
            _tell(receiver, error, may_retry)

    def _wait(self, span: int) -> None:
        self._patience = span
        if not self._is_paused:
            self._wheel.arm(self, span)

    def _leave(self) -> None:
        self._wheel.forget(self)
        self._pool.forget(self)


def _tell(receiver: Receiver, error: GatewayError, may_retry: bool) -> None:
    try:
        receiver.failed(error, may_retry)
    except Exception as bug:
        guard.report(bug)

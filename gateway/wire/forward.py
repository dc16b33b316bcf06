"""The way of an admitted request to the application, and of the response back."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from gateway.core.response import Looked
from gateway.errors import GatewayError, SessionEnded
from gateway.headers import Pairs, join_fields
from gateway.http1.response import ResponseHead, is_event_stream
from gateway.http1.write import write_request, write_response
from gateway.model import Permit, RequestHead
from gateway.wire import transport as guard
from gateway.wire.exchange import Exchange
from gateway.wire.pool import Pool
from gateway.wire.semantics import IDEMPOTENT
from gateway.wire.shared import Wire
from gateway.wire.story import Story
from gateway.wire.tunnel import Tunnel
from gateway.wire.unheard import follow
from gateway.wire.upstream import UpstreamConnection

LONG = 1.0
"""Seconds after which a response is known as long, so that a revocation can end it."""


@dataclass(frozen=True, slots=True)
class Held:
    """The beginning of a response that waits until the watch has looked; no more of it is read meanwhile."""

    response: ResponseHead
    payload: bytes
    is_last: bool


class Look(Story[Looked]):
    """The watch's look at a response. It goes on when the client leaves, so that no logout is missed."""

    __slots__ = ("_forward", "_wire")

    def __init__(self, forward: "Forward", wire: Wire, story: Coroutine[Any, Any, Looked], waits: Any) -> None:
        self._forward = forward
        self._wire = wire
        wire.keep(self)
        super().__init__(story, waits)

    def succeeded(self, result: Looked) -> None:
        """Go on with the fields that the watch returned."""
        self._wire.let_go(self)
        self._forward.looked(result)

    def failed(self, error: GatewayError) -> None:
        """What the response would have done to the session could not be done."""
        self._wire.let_go(self)
        self._forward.refuse(error)


class Forward:
    """The work of an exchange that has a permit; the waiter and the receiver of its connection."""

    __slots__ = (
        "_connection",
        "_exchange",
        "_handle",
        "_held",
        "_is_listed",
        "_is_second",
        "_is_unanswered",
        "_permit",
        "_pool",
        "_replay",
    )

    def __init__(self, exchange: Exchange, permit: Permit, pool: Pool) -> None:
        self._exchange = exchange
        self._permit = permit
        self._pool = pool
        self._connection: UpstreamConnection | None = None
        self._replay: bytes | None = None
        """The whole request, as long as it may be sent a second time."""
        self._is_second = False
        self._is_unanswered = False
        """The application may have heard the request, and there was no head of a response."""
        self._held: Held | None = None
        self._handle: object = None
        self._is_listed = False

    def start(self) -> None:
        """Ask for a connection.

        Raises:
            SessionEnded: the credential was revoked meanwhile.
        """
        exchange, permit = self._exchange, self._permit
        exchange.route = permit.route
        exchange.credential = permit.credential
        exchange.asked_at = exchange.wire.monotonic()
        if exchange.head.websocket:
            self._list()  # before it opens, so that a revocation during the handshake finds it
        self._pool.acquire(self, sure=exchange.head.method not in IDEMPOTENT)

    # --- as a waiter ---

    def connected(self, connection: UpstreamConnection) -> None:
        """Send the request with what there is of its body.

        Raises:
            Refusal: the body is not acceptable; nothing was sent.
        """
        exchange, request, is_last = self._exchange, self._replay, True
        head = exchange.head
        if exchange.body is not None:
            request = self._write_with_body(exchange, head, connection)
            is_last = exchange.body is None
        elif request is None:
            request = self._write(exchange, head)
        if is_last and head.method in IDEMPOTENT:
            self._replay = request
        self._connection = connection
        self._is_unanswered = True
        connection.send(self, head, request, is_last)
        if exchange.client.is_full:  # said while there was nobody to wait with a response
            connection.pause()

    def not_connected(self, error: GatewayError) -> None:
        """The application cannot be reached."""
        self.refuse(error)

    # --- as the work of the exchange ---

    def body_received(self, payload: bytes, is_last: bool) -> None:
        """Pass it on."""
        if self._connection is not None:
            self._connection.send_more(payload, is_last)

    def pause(self) -> None:
        """Let the application wait with its response."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Take more of the response, unless the watch holds it."""
        if self._connection is not None and self._held is None:
            self._connection.resume()

    def abandon(self) -> None:
        """Close the connection: the application sees that nobody waits, and a body cut short.

        A logout of which the application may have heard is followed nevertheless.
        """
        self._unlist()
        exchange = self._exchange
        connection, self._connection = self._connection, None
        if self._is_unanswered and exchange.wire.watch.awaits_logout(self._permit, exchange.head):
            is_complete = exchange.body is None
            follow(exchange.wire, self._permit, exchange.head, connection if is_complete else None)
            connection = None if is_complete else connection
        if connection is not None:
            connection.abort()
        else:
            self._pool.cancel(self)

    # --- as a receiver ---

    @property
    def takes_chunks(self) -> bool:
        """Whether the client knows chunks, too."""
        return self._exchange.head.minor > 0

    def response_started(self, response: ResponseHead, payload: bytes, is_last: bool) -> None:
        """Pass it on, or hold it until the watch has looked."""
        self._replay = None
        self._is_unanswered = False
        if is_last:
            self._connection = None
        exchange, permit, fields = self._exchange, self._permit, response.fields
        if response.chunked:
            exchange.is_framed = self.takes_chunks
        watch, status = exchange.wire.watch, response.status
        if status != 101:
            lines = watch.find_lines(permit, exchange.head, response)
            if lines is not None:
                exchange.relay(response, lines, payload, is_last)
                return
        if not watch.needs_look(permit, exchange.head, status, fields):
            self._relay(response, Looked(fields), payload, is_last)
            return
        self._held = Held(response, payload, is_last)
        self.pause()
        story = watch.look(permit, exchange.head, status, fields, exchange.wire.wall())
        try:
            waits = story.send(None)
        except StopIteration as done:
            looked: Looked = done.value
        else:
            Look(self, exchange.wire, story, waits)
            return
        self.looked(looked)

    def response_continued(self, payload: bytes, is_last: bool) -> None:
        """Pass it on."""
        if is_last:
            self._connection = None
            self._unlist()
        elif not self._is_listed and self._exchange.wire.monotonic() - self._exchange.started_at > LONG:
            self._list()
        self._exchange.more(payload, is_last)

    def failed(self, error: GatewayError, may_retry: bool) -> None:
        """Send it again where that is harmless; otherwise the client hears of it."""
        self._connection = None
        if may_retry and self._replay is not None and not self._is_second:
            self._is_second = True
            self._pool.acquire(self, fresh=True)
        else:
            self.refuse(error)

    def pause_sending(self) -> None:
        """The application does not read: the client has to wait with its body."""
        self._exchange.client.hold_body(True)

    def resume_sending(self) -> None:
        """The application reads again."""
        self._exchange.client.hold_body(False)

    # --- as what the watch looks at ---

    def looked(self, looked: Looked) -> None:
        """The watch has looked; the client may have left meanwhile."""
        held, self._held = self._held, None
        if held is None or self._exchange.is_over:
            return
        self._relay(held.response, looked, held.payload, held.is_last)
        if not self._exchange.client.is_full:
            self.resume()

    def refuse(self, error: GatewayError) -> None:
        """It cannot go on."""
        self._exchange.refuse(error)

    # --- inside ---

    def _write_with_body(self, exchange: Exchange, head: RequestHead, connection: UpstreamConnection) -> bytes:
        """Write what there is of the request; a connection whose request is not acceptable stays as it was."""
        try:
            payload = exchange.take_body(framed=True)
        except GatewayError:
            self._pool.release(connection)
            raise
        return self._write(exchange, head) + payload

    def _write(self, exchange: Exchange, head: RequestHead) -> bytes:
        lines = exchange.client.transport_lines(head)
        return write_request(head, self._permit, lines, self._pool.host_for(head), exchange.request_id)

    def _relay(self, response: ResponseHead, looked: Looked, payload: bytes, is_last: bool) -> None:
        exchange, status = self._exchange, response.status
        fields = exchange.wire.watch.edit(self._permit, exchange.head, status, *looked)
        if not is_last:
            if status == 101:
                self._switch(response, fields, payload)
                return
            if is_event_stream(fields):
                self._expect_no_end()
        exchange.begin(status, response.reason, join_fields(fields), response.length, payload, is_last)
        if exchange.is_endless and exchange.client.at_eof:
            exchange.give_up_client()

    def _expect_no_end(self) -> None:
        self._exchange.is_endless = True
        self._list()
        if self._connection is not None:
            self._connection.expect_stream()

    def _switch(self, response: ResponseHead, fields: Pairs, payload: bytes) -> None:
        """From here on it is no HTTP any more: join the two transports."""
        exchange, connection, self._connection = self._exchange, self._connection, None
        client = exchange.client
        early = client.take_ahead()
        upstream_transport = connection.detach() if connection is not None else None
        client_transport = client.detach()
        if upstream_transport is None or client_transport is None:
            guard.reset(upstream_transport)
            guard.reset(client_transport)
            exchange.end("client_closed")
            return
        top = write_response(101, response.reason, join_fields(fields), framing=b"", close=False, minor=1)
        exchange.status = 101
        exchange.work = None
        self._unlist()
        tunnel = Tunnel(exchange, client_transport, upstream_transport, is_half_closed=client.at_eof)
        tunnel.start(top, payload, early, self._permit)

    def _list(self) -> None:
        if not self._is_listed:
            self._is_listed = True
            self._handle = self._exchange.wire.live.add(self._permit, self._end, self._exchange.moment)

    def _unlist(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._exchange.wire.live.remove(handle)

    def _end(self) -> None:
        """A revocation ends a response that takes long, or a handshake."""
        self.refuse(SessionEnded())

"""A client's connection: heads read one at a time, answers in order, and every wait bounded."""

import asyncio
from typing import cast

from gateway.core.trust import transport_lines
from gateway.errors import GatewayError, InternalError, Overloaded, RequestTimeout
from gateway.facts import Event, RequestFact
from gateway.http1.head import HeadReader
from gateway.http1.write import write_answer
from gateway.model import Credential, Peer, RequestHead
from gateway.wire import transport as guard
from gateway.wire.admission import admit
from gateway.wire.exchange import Exchange
from gateway.wire.lingering import Lingering
from gateway.wire.pace import Pace
from gateway.wire.shared import Wire
from gateway.wire.wheel import NEVER


class ClientConnection(asyncio.Protocol):
    """One connection of a client. While `exchange` is None a head is awaited, otherwise a request is answered.

    `transport` is None once the connection is lost, has become a tunnel, or only lingers.
    """

    __slots__ = (
        "_ahead",
        "_has_begun",
        "_heads",
        "_is_fresh",
        "_is_holding",
        "_is_paused",
        "_pace",
        "_received",
        "_told",
        "_told_host",
        "at_eof",
        "deadline",
        "due",
        "exchange",
        "is_full",
        "peer",
        "transport",
        "wire",
    )

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.transport: asyncio.Transport | None = None
        self.peer = Peer("")
        self.exchange: Exchange | None = None
        self.at_eof = False
        """The client has sent its last byte; it may still read."""
        self.is_full = False
        """The client does not read what was written."""
        self.deadline = self.due = NEVER
        self._heads = HeadReader(wire.table, wire.policy.limits)
        self._ahead = b""
        self._has_begun = False
        self._is_fresh = True
        self._is_holding = False
        self._is_paused = False
        self._received = 0
        self._pace = Pace(wire.policy)
        self._told = b""
        self._told_host: bytes | None = None

    # --- for the loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; where there are too many, it is told so before it has said anything."""
        self.transport = cast("asyncio.Transport", transport)
        guard.set_buffer_limits(self.transport)
        name = transport.get_extra_info("peername")
        address = name[0].removeprefix("::ffff:") if isinstance(name, tuple) else ""  # IPv4 on a dual-stack socket
        self.peer = Peer(address, self.wire.proxies.trusts(address), self.wire.policy.scheme)
        if len(self.wire.connections) >= self.wire.policy.connections:
            self._refuse(Overloaded("Too many connections are open."))
            return
        self.wire.connections.add(self)
        self.wire.wheel.arm(self, self.wire.spans.head)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, of a body, or of what comes after."""
        try:
            if self.exchange is not None:
                self._received += len(data)
                self.exchange.client_sent(data)
            elif self._ahead or self.is_full:
                self.hold(data)
            else:
                self._read_head(data)
        except GatewayError as error:
            self._refuse(error)
        except (Exception, asyncio.CancelledError) as error:  # what a story waits for may have been given up
            guard.report(error)
            self._refuse(InternalError())

    def eof_received(self) -> bool:
        """The client has sent its last byte: what is complete is still answered, the rest is given up."""
        self.at_eof = True
        is_open = not guard.is_tls(self.transport)
        try:
            if self.exchange is not None:
                self.exchange.client_ended()
            elif not self._ahead:
                self.close()
        except GatewayError as error:
            self._refuse(error)
        except Exception as error:
            guard.report(error)
            self._refuse(InternalError())
        return is_open

    def connection_lost(self, _error: Exception | None) -> None:
        """The client is gone."""
        self._leave()
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        """The client does not read."""
        self.is_full = True
        if self.exchange is not None:
            self.exchange.pause()
            self._pace.start(self.transport)
            self.wire.wheel.arm(self, self.wire.spans.write)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.is_full = False
        if self.exchange is not None:
            self.wire.wheel.disarm(self)
            if self.exchange.awaits_body:
                self.await_body()
            self.exchange.resume()
        else:
            self._next()

    def expire(self) -> None:
        """Too slow: at sending a head or a body, at reading, or at saying anything at all."""
        if self.exchange is not None:
            self._expire_exchange(self.exchange)
        elif self._has_begun:
            self._refuse(RequestTimeout())
        else:
            self.close()

    # --- for the exchange ---

    def transport_lines(self, head: RequestHead) -> bytes:
        """Return what the application is told about the way here, as lines, but for the request's id.

        A stranger's requests differ in nothing else, as long as they name the same host.
        """
        if self.peer.trusted:
            return transport_lines(head, self.peer, b"", self.wire.proxies)
        if head.host != self._told_host:
            self._told_host = head.host
            self._told = transport_lines(head, self.peer, b"", self.wire.proxies)
        return self._told

    def hold(self, data: bytes) -> None:
        """Keep bytes that came too early; beyond the read-ahead no more are taken."""
        self._ahead += data
        self._settle_reading()

    def take_ahead(self) -> bytes:
        """Return the bytes that came too early."""
        data, self._ahead = self._ahead, b""
        self._settle_reading()
        return data

    def hold_body(self, is_held: bool) -> None:
        """Take no more of a body, because nobody does behind us; or go on."""
        self._is_holding = is_held
        self._settle_reading()

    def await_body(self) -> None:
        """Measure how fast the body comes: from now on, or as soon as the client reads again."""
        self._received = 0
        if not self.is_full:
            self.wire.wheel.arm(self, self.wire.spans.body)

    def exchange_over(self, *, close: bool) -> None:
        """A request was answered: the next one, or the end."""
        self.exchange = None
        if close or self.wire.is_draining or (self.at_eof and not self._ahead):
            self.close()
            return
        self.wire.wheel.arm(self, self.wire.spans.idle)
        if self._is_holding or self._is_paused:
            self._is_holding = False
            self._settle_reading()
        if self._ahead:
            asyncio.get_running_loop().call_soon(self._next)

    def close(self) -> None:
        """Close so that the client can read the last answer."""
        transport, self.exchange = self.transport, None
        self._leave()
        if transport is not None:
            Lingering(self.wire, transport, at_eof=self.at_eof)

    def cut(self, *, reset: bool) -> None:
        """End in the middle of an answer. `reset` where an orderly end would make it look complete."""
        self.exchange = None
        self.wire.outbox.flush()
        if reset:
            guard.reset(self.transport)
        else:
            self.close()

    def detach(self) -> asyncio.Transport | None:
        """Give the transport away."""
        self.wire.outbox.flush()
        transport, self.exchange = self.transport, None
        self._leave()
        return transport

    # --- for the server ---

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.exchange is not None

    @property
    def is_endless(self) -> bool:
        """Whether the answer is an event stream."""
        return self.exchange is not None and self.exchange.is_endless

    def drain(self) -> None:
        """Close when no request has begun; otherwise the answer to it is the last.

        A request that has arrived and that the loop has not told of yet has begun, too.
        """
        is_waiting = self.exchange is None and not self._has_begun and not self._ahead
        if is_waiting and (self.transport is None or not guard.has_news(self.transport)):
            self.close()

    def abort(self) -> None:
        """Close at once; a reset where an answer is incomplete."""
        if self.exchange is not None:
            guard.reset(self.transport)
        elif self.transport is not None:
            self.transport.abort()

    # --- heads ---

    def _read_head(self, data: bytes) -> None:
        head = self._heads.feed(data)
        if head is None:
            self._await_head()
            return
        self._has_begun = self._is_fresh = False
        self._ahead, self._heads.rest = self._heads.rest, b""
        self.deadline = NEVER
        if self._heads.stripped:
            self.wire.facts.count(Event.IDENTITY_HEADER_STRIPPED)
        if head.transport and not self.peer.trusted:
            self.wire.facts.count(Event.UNTRUSTED_FORWARDED)
        exchange = self.exchange = Exchange(self, head)
        admit(exchange)

    def _await_head(self) -> None:
        if self.at_eof:
            self.close()
        elif not self._has_begun:
            self._has_begun = True
            if not self._is_fresh:  # for the first one the time has run since the connect
                self.wire.wheel.arm(self, self.wire.spans.head)

    def _next(self) -> None:
        """Go on with what came while the last request was answered."""
        if self._ahead and self.exchange is None and not self.is_full and self.transport is not None:
            self.data_received(self.take_ahead())

    def _refuse(self, error: GatewayError) -> None:
        if self.exchange is not None:
            self.exchange.refuse(error)
            return
        wire = self.wire
        answer = wire.flow.refuse(error, None, wire.next_request_id().decode())
        wire.outbox.write(self.transport, write_answer(answer, close=True))
        wire.facts.request(RequestFact("", "", answer.status, Credential.NONE, error.code, 0.0, 0.0))
        self.close()

    # --- inside ---

    def _expire_exchange(self, exchange: Exchange) -> None:
        policy = self.wire.policy
        if self.is_full:
            if self._pace.is_stuck(self.transport):
                exchange.give_up_client()
            else:
                self.wire.wheel.arm(self, self.wire.spans.write)
        elif exchange.awaits_body:
            is_slow = not self._is_paused and self._received < max(1, policy.minimum_rate * policy.body_timeout)
            if is_slow:
                exchange.refuse(RequestTimeout())
            else:
                self.await_body()

    def _settle_reading(self) -> None:
        """Read unless somebody behind us is full, or enough came early.

        A client that leaves while nothing is read is not noticed, so every pause is bounded by a deadline of whoever
        causes it.
        """
        is_paused = self._is_holding or len(self._ahead) > self.wire.policy.read_ahead
        if is_paused == self._is_paused or self.at_eof:
            return
        self._is_paused = is_paused
        if is_paused:
            guard.pause_reading(self.transport)
        else:
            guard.resume_reading(self.transport)

    def _leave(self) -> None:
        self.transport = None
        self.wire.wheel.forget(self)
        self.wire.leave(self)

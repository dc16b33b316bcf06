"""One request and its answer: how the body comes in, how the answer goes out, and the fact that remains."""

import asyncio
from typing import Literal, Protocol

from gateway.errors import BadRequest, GatewayError, Refusal
from gateway.http1.body import BodyReader, ChunkedReader, request_body_reader
from gateway.http1.head import METHODS
from gateway.http1.response import ResponseHead
from gateway.http1.write import write_answer, write_response
from gateway.model import Answer, Credential, Peer, RequestHead
from gateway.wire.framing import CONTINUE, chunk
from gateway.wire.shared import Wire

_BODILESS = frozenset({204, 304})
_NOBODY = Credential.NONE
CLIENT_CLOSED = 499
"""The status of a fact whose client left before an answer began; nginx counts it so."""


class Client(Protocol):
    """The connection that a request came on; see `wire.client`."""

    wire: Wire
    transport: asyncio.Transport | None
    peer: Peer
    at_eof: bool
    is_full: bool

    def transport_lines(self, head: RequestHead) -> bytes:
        """Return what the application is told about the way here, as lines, but for the request's id."""
        ...

    def hold(self, data: bytes) -> None:
        """Keep bytes for later."""
        ...

    def take_ahead(self) -> bytes:
        """Return the kept bytes."""
        ...

    def hold_body(self, is_held: bool) -> None:
        """Take no more bytes for now, or go on."""
        ...

    def await_body(self) -> None:
        """Measure how fast the body comes."""
        ...

    def exchange_over(self, *, close: bool) -> None:
        """The answer is complete."""
        ...

    def cut(self, *, reset: bool) -> None:
        """The answer ends in the middle."""
        ...

    def detach(self) -> asyncio.Transport | None:
        """Give the transport away."""
        ...


class Work(Protocol):
    """Who is busy with a request: the admission, the way to the application, or one of our own endpoints."""

    def body_received(self, payload: bytes, is_last: bool) -> None:
        """More of the body has come; only after `Exchange.take_body`."""
        ...

    def pause(self) -> None:
        """The client does not read: produce no more for now."""
        ...

    def resume(self) -> None:
        """The client reads again."""
        ...

    def abandon(self) -> None:
        """Nobody waits for the answer any more. Called at most once."""
        ...


class Exchange:
    """One request on its way. The client calls the first half of the methods, the work the second."""

    __slots__ = (
        "_closes",
        "_code",
        "_framing",
        "_takes_body",
        "asked_at",
        "body",
        "client",
        "credential",
        "head",
        "is_endless",
        "is_framed",
        "is_over",
        "moment",
        "request_id",
        "route",
        "started_at",
        "status",
        "wire",
        "work",
    )

    def __init__(self, client: Client, head: RequestHead) -> None:
        wire = self.wire = client.wire
        self.client = client
        self.head = head
        self.request_id = head.request_id or wire.next_request_id()
        self.work: Work | None = None
        self.route = ""
        self.credential = _NOBODY
        self.status = 0
        """The status that was written; 0 before that."""
        self.started_at = wire.monotonic()
        self.moment = wire.live.moment
        """When it came, in the order of revocations: the admission has seen those before."""
        self.asked_at = 0.0
        """When the application was asked, in monotonic seconds; 0 while it was not."""
        self.is_over = False
        self.is_endless = False
        """The answer is an event stream."""
        self.body = request_body_reader(head, wire.policy.limits) if head.chunked or head.length else None
        """What finds the end of the request's body; None when nothing of the request is missing."""
        self._takes_body = False
        self.is_framed = False
        """The work gives the answer's body in chunks already, where it is of unknown length."""
        self._framing: Literal["length", "chunked", "close", "none"] = "length"
        self._code = ""
        # The connection ends with this answer: the client wants that, or may have sent bytes for a WebSocket that it
        # does not get, which must never be taken for a request.
        self._closes = not head.keep_alive or head.websocket

    # --- for the client ---

    @property
    def awaits_body(self) -> bool:
        """Whether body bytes are missing that somebody behind us takes."""
        return self._takes_body and self.body is not None

    def client_sent(self, data: bytes) -> None:
        """Bytes have come: of the body, or of the next request.

        Raises:
            Refusal: the body is malformed or too large.
        """
        if not self._takes_body or self.body is None or self.work is None:
            self.client.hold(data)
            return
        payload = self._decode(self.body, data)
        if payload or self.body is None:
            self.work.body_received(payload, self.body is None)

    def client_ended(self) -> None:
        """The client has sent its last byte. It may still wait for its answer, but hardly for one without an end.

        Raises:
            BadRequest: bytes of the body are missing.
        """
        if self.awaits_body:
            raise BadRequest("The body is incomplete.")
        if self.is_endless:
            self.give_up_client()

    def client_gone(self) -> None:
        """The client has left or was given up: nothing of this is worth going on with."""
        if not self.is_over:
            self.status = self.status or CLIENT_CLOSED
            self._drop_work()
            self.end("client_closed")

    def give_up_client(self) -> None:
        """The client does not read, or has left as far as one can tell."""
        self.client_gone()
        self.client.cut(reset=True)

    def pause(self) -> None:
        """The client does not read for now."""
        if self.work is not None:
            self.work.pause()

    def resume(self) -> None:
        """The client reads again."""
        if self.work is not None:
            self.work.resume()

    # --- for the work: the request ---

    def take_body(self, *, framed: bool = False) -> bytes:
        """Return what there is of the body, and let the rest be told to `Work.body_received`.

        With `framed` both are in the framing that the head of the request tells, for somebody who passes it on.
        A client that waits for it is told to send now (RFC 9110 section 10.1.1): the request was admitted and
        somebody is there to take the body.

        Raises:
            Refusal: the body is malformed, too large, or was cut short by the client.
        """
        if self.body is None:
            return b""
        self._takes_body = True
        if framed and isinstance(self.body, ChunkedReader):
            self.body.keeps_framing = True
        client = self.client
        held = client.take_ahead()
        payload = self._decode(self.body, held) if held else b""
        if self.body is not None:
            if client.at_eof:
                raise BadRequest("The body is incomplete.")
            if self.head.expects_continue and not held:
                self.wire.outbox.write(client.transport, CONTINUE)
            client.await_body()
        return payload

    # --- for the work: the answer ---

    def relay(self, response: ResponseHead, lines: bytes, payload: bytes, is_last: bool) -> None:
        """Write a response of the application with these fields, as `begin` does.

        The rule is a whole answer after which another may follow: its head is made once for all that are alike.
        """
        head, length, closes = self.head, response.length, self._closes or self.body is not None
        is_rule = is_last and head.minor and not (closes or self.wire.is_draining)
        if length is None or not is_rule or head.method == b"HEAD" or response.status in _BODILESS:
            self.begin(response.status, response.reason, lines, length, payload, is_last)
            return
        made = response.whole
        if made is None or made[0] is not lines:
            framing = b"content-length: %d\r\n" % length
            top = write_response(response.status, response.reason, lines, framing=framing, close=False, minor=1)
            made = response.whole = (lines, top)
        self.status = response.status
        self.wire.outbox.put_pieces(self.client.transport, (made[1], payload))
        self._finish()

    def begin(
        self, status: int, reason: bytes, lines: bytes, length: int | None, payload: bytes, is_last: bool
    ) -> None:
        """Write the head of an answer with the first bytes of its body.

        `lines` are its fields without the framing, each ended by CRLF. `length` is that of the body where it is
        known; otherwise it is chunked, or, for HTTP/1.0, ends with the connection. `is_last` says that the payload is
        all of it.
        """
        head = self.head
        self.status = status
        closes = self._closes = self._closes or self.body is not None or self.wire.is_draining
        if head.method == b"HEAD" or status in _BODILESS or length is None:
            framing = self._settle_framing(status, length)
            closes = self._closes
        else:
            framing = b"content-length: %d\r\n" % length
        top = write_response(status, reason, lines, framing=framing, close=closes, minor=head.minor)
        if self._framing != "length":
            payload = self._frame(payload, is_last)
        self.wire.outbox.put_pieces(self.client.transport, (top, payload))
        if is_last:
            self._finish()

    def more(self, payload: bytes, is_last: bool) -> None:
        """Write more of the body."""
        self.wire.outbox.write(self.client.transport, self._frame(payload, is_last))
        if is_last:
            self._finish()

    def answer(self, answer: Answer) -> None:
        """Write a complete answer of our own."""
        head = self.head
        self.status = answer.status
        closes = self._closes = self._closes or self.body is not None or self.wire.is_draining
        head_only = head.method == b"HEAD"
        written = write_answer(answer, close=closes, head_only=head_only, minor=head.minor)
        self.wire.outbox.put(self.client.transport, written)
        self._finish()

    def refuse(self, error: GatewayError) -> None:
        """Answer with an error, or, where an answer has begun, let it be seen that it is incomplete.

        A request that was not acceptable, or whose body nobody will read, is the last on its connection: its body
        must never be taken for the next request.
        """
        if self.is_over:
            return
        self._drop_work()
        self._code = error.code
        if self.status:
            self._cut()
        else:
            self._closes = self._closes or isinstance(error, Refusal)
            self.answer(self.wire.flow.refuse(error, self.head, self.request_id.decode("ascii")))

    def end(self, code: str) -> None:
        """Note what happened, once: `code` says why it ended, empty where nothing was wrong."""
        if self.is_over:
            return
        self.is_over = True
        now, asked = self.wire.monotonic(), self.asked_at
        method, upstream_duration = METHODS[self.head.method], now - asked if asked else 0.0
        duration = now - self.started_at
        self.wire.facts.request((self.route, method, self.status, self.credential, code, duration, upstream_duration))

    # --- inside ---

    def _decode(self, body: BodyReader, data: bytes) -> bytes:
        payload = body.feed(data)
        if body.is_done:
            self.body = None
            if body.rest:
                self.client.hold(body.rest)
        return payload

    def _settle_framing(self, status: int, length: int | None) -> bytes:
        """Choose how the client finds the end where a length does not say it (RFC 9112 section 6.3)."""
        if self.head.method == b"HEAD" or status in _BODILESS:
            self._framing = "none"
            return b"" if length is None or status == 204 else b"content-length: %d\r\n" % length
        if self.head.minor:
            self._framing = "chunked"
            return b"transfer-encoding: chunked\r\n"
        self._framing = "close"
        self._closes = True
        return b""

    def _frame(self, payload: bytes, is_last: bool) -> bytes:
        if self._framing == "chunked":
            return payload if self.is_framed else chunk(payload, is_last=is_last)
        return b"" if self._framing == "none" else payload

    def _finish(self) -> None:
        self.work = None
        self.end(self._code)
        self.client.exchange_over(close=self._closes or self.body is not None)

    def _cut(self) -> None:
        self.end(self._code)
        # Where the end of the connection is the end of the body, an orderly end would look like a complete answer.
        self.client.cut(reset=self._framing == "close")

    def _drop_work(self) -> None:
        work, self.work = self.work, None
        if work is not None:
            work.abandon()

"""Our own endpoints on the data port: an ASGI application of ours, run for one request of a client."""

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Scope

from gateway.core.trust import scheme_of
from gateway.errors import BodyTooLarge, GatewayError, InternalError, Overloaded
from gateway.headers import Pairs, join_fields
from gateway.model import Peer, RequestHead, Visit
from gateway.wire.exchange import Exchange
from gateway.wire.transport import report

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class Hosting:
    """The work of an exchange that is for us. The application begins when the whole body is there.

    It is not cancelled when the client leaves: a rotation that has begun is finished, and its answer is dropped.
    """

    __slots__ = ("_body", "_exchange", "_has_body", "_is_readable", "_is_unheard", "_start", "_visit")

    def __init__(self, exchange: Exchange, visit: Visit) -> None:
        self._exchange = exchange
        self._visit = visit
        self._body = b""
        self._has_body = False
        self._start: Message | None = None
        self._is_unheard = asyncio.Event()
        self._is_readable = asyncio.Event()
        if not exchange.client.is_full:
            self._is_readable.set()

    def start(self) -> None:
        """Take the body, then run the application."""
        self._exchange.route = self._visit.endpoint
        payload = self._exchange.take_body()
        self.body_received(payload, self._exchange.body is None)

    # --- as the work of the exchange ---

    def body_received(self, payload: bytes, is_last: bool) -> None:
        """Collect the body.

        Raises:
            BodyTooLarge: none of our endpoints takes as much.
        """
        wire = self._exchange.wire
        self._body += payload
        if len(self._body) > wire.policy.own_body:
            raise BodyTooLarge
        if is_last:
            wire.run(self._run())

    def pause(self) -> None:
        """Let the application wait with its answer."""
        self._is_readable.clear()

    def resume(self) -> None:
        """Let it go on."""
        self._is_readable.set()

    def abandon(self) -> None:
        """Nobody hears the answer."""
        self._is_unheard.set()
        self._is_readable.set()

    # --- the ASGI side ---

    async def _run(self) -> None:
        exchange = self._exchange
        wire = exchange.wire
        scope = _scope(exchange.head, exchange.client.peer, exchange.request_id.decode("ascii"))
        try:
            async with asyncio.timeout(wire.policy.own_timeout):
                await wire.own(scope, self._receive, self._send)
            if not exchange.is_over:
                exchange.refuse(InternalError())  # it returned without a complete answer
        except GatewayError as error:
            exchange.refuse(error)
        except TimeoutError:
            exchange.refuse(Overloaded("The endpoint took too long."))
        except Exception as error:
            report(error)
            exchange.refuse(InternalError())

    async def _receive(self) -> Message:
        if not self._has_body:
            self._has_body = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._is_unheard.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        await self._is_readable.wait()
        exchange = self._exchange
        if exchange.is_over:
            return
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        start, self._start = self._start, None
        if is_last:
            self._is_unheard.set()
        if start is None:
            exchange.more(body, is_last)
            return
        status, fields, length = start["status"], list(start.get("headers", ())), None
        if is_last:
            length = _length(exchange.head, fields, body)
        lines = join_fields([(name, value) for name, value in fields if name.lower() not in _FRAMING])
        exchange.begin(status, _reason(status), lines, length, body, is_last)


def _scope(head: RequestHead, peer: Peer, request_id: str) -> Scope:
    """Describe a request as ASGI does, with our own words for it in the extension `crossfade`."""
    path, _, query = head.target.partition(b"?")
    extensions: dict[str, Any] = {"crossfade": {"head": head, "peer": peer, "request_id": request_id}}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": f"1.{head.minor}",
        "method": head.method.decode("ascii"),
        "scheme": scheme_of(head, peer),
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": _scope_headers(head),
        "client": (peer.address, 0),
        "server": None,
        "extensions": extensions,
    }


def _scope_headers(head: RequestHead) -> Pairs:
    """All fields of the request, those included that the head keeps apart; names in lower case, as ASGI wants them."""
    apart = [
        (b"host", head.host),
        (b"authorization", head.authorization),
        (b"cookie", head.cookie),
        (b"origin", head.origin),
        (b"x-crossfade", head.asks),
        (b"content-length", None if head.length is None else b"%d" % head.length),
    ]
    fields = [(name.lower(), value) for name, value in head.fields]
    return fields + [(name, value) for name, value in apart if value is not None]


def _length(head: RequestHead, fields: Pairs, body: bytes) -> int:
    """The length of an answer that is complete; for HEAD what GET would have said."""
    if head.method == b"HEAD":
        for name, value in fields:
            if name.lower() == b"content-length" and value.isdigit():
                return int(value)
    return len(body)


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""

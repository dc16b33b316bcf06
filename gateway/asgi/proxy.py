"""The reverse proxy as an ASGI application: requests go on through the wire's own connections."""

import asyncio

import structlog
from starlette.types import Receive, Send

from gateway.asgi.conversation import ClientGone, Conversation
from gateway.asgi.exchange import Exchange, Sending
from gateway.asgi.gateway import Build
from gateway.asgi.shell import Shell
from gateway.core.trust import transport_lines
from gateway.errors import BadRequest, GatewayError, InternalError, UpstreamUnreachable, WebSocketUnsupported
from gateway.http1.response import ResponseHead, is_event_stream
from gateway.http1.write import write_request
from gateway.model import RequestHead
from gateway.wire.framing import chunk
from gateway.wire.pool import Pool
from gateway.wire.semantics import IDEMPOTENT

_log = structlog.get_logger()


class Proxy(Shell):
    """Stands in front of the configured applications, on any ASGI server.

    Carries no WebSockets: ASGI knows messages and not the bytes of a tunnel. The gateway's own server carries them.
    """

    def __init__(self, build: Build) -> None:
        super().__init__(build, forward)


async def forward(exchange: Exchange, receive: Receive, send: Send) -> None:
    """Send a request to its application and the response to the client, both as they come.

    Raises:
        GatewayError: nothing was answered yet, or the response was cut short; the server must let that be seen.
        ClientGone: the client has left.
    """
    if exchange.head.websocket:
        raise WebSocketUnsupported
    was_ended = await exchange.run(_converse(exchange, receive, Sending(exchange, send)))
    if was_ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _converse(exchange: Exchange, receive: Receive, send: Send) -> None:
    head = exchange.head
    pool = exchange.gateway.pools[exchange.permit.upstream]
    request = _write(exchange, pool)
    conversation = Conversation(pool, head)
    uploading: asyncio.Task[None] | None = None
    try:
        await conversation.ask(request, is_last=not head.has_body)
        uploading = asyncio.ensure_future(_upload(exchange, receive, conversation))
        try:
            response = await conversation.response()
        except UpstreamUnreachable:
            if head.has_body or not conversation.may_retry or head.method not in IDEMPOTENT:
                raise
            await conversation.ask(request, is_last=True, is_fresh=True)
            response = await conversation.response()
        await _relay(exchange, conversation, response, send)
    finally:
        conversation.close()
        if uploading is not None:
            uploading.cancel()


def _write(exchange: Exchange, pool: Pool) -> bytes:
    transport = transport_lines(exchange.head, exchange.peer, exchange.request_id, exchange.gateway.proxies)
    return write_request(exchange.head, exchange.permit, transport, pool.host_for(exchange.head))


async def _relay(exchange: Exchange, conversation: Conversation, response: ResponseHead, send: Send) -> None:
    fields = list(response.fields)
    if response.length is not None and response.status != 304:  # servers hold a 304 to the length that it names
        fields.append((b"content-length", b"%d" % response.length))
    if is_event_stream(fields):
        conversation.expect_stream()
    await send({"type": "http.response.start", "status": response.status, "headers": fields})
    is_last = False
    while not is_last:
        payload, is_last = await conversation.read()
        await send({"type": "http.response.body", "body": payload, "more_body": not is_last})


async def _upload(exchange: Exchange, receive: Receive, conversation: Conversation) -> None:
    """Send the body on, then wait for the client to leave. The answer to a logout is awaited without the client too."""
    head = exchange.head
    try:
        is_last = False
        left = head.length or 0
        while not is_last:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            payload, is_last = message.get("body", b""), not message.get("more_body", False)
            left -= len(payload)
            _ensure_length(head, left, is_last=is_last)
            if head.has_body:
                data = chunk(payload, is_last=is_last) if head.chunked else payload
                await conversation.send_more(data, is_last=is_last)
        else:
            await receive()  # nothing but http.disconnect can follow
            if exchange.awaits_logout:
                return
        conversation.end(ClientGone())
    except GatewayError as error:
        conversation.end(error)
    except Exception:
        _log.exception("a request body was not sent because of a bug")
        conversation.end(InternalError())


def _ensure_length(head: RequestHead, left: int, *, is_last: bool) -> None:
    """Let no byte go beyond what was announced, whatever the server hands on."""
    if not head.chunked and (left < 0 or (is_last and left)):
        raise BadRequest("The body is not as long as it was announced.")

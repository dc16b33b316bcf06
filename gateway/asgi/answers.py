"""Answers of our own, written as ASGI messages."""

from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError, Unauthenticated
from gateway.headers import Pairs
from gateway.model import Answer

POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1."""
UNAUTHENTICATED = 4401
"""Of the range for private use (RFC 6455 section 7.4.2): sign in and come again."""


async def send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    """Send a complete answer to a request for HTTP."""
    is_bodiless = answer.status in (204, 304)  # RFC 9110 section 8.6
    body = b"" if is_bodiless or scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": _fields(answer, is_bodiless)})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def refuse_handshake(error: GatewayError, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it is accepted: with the answer itself where the server can send it."""
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        fields = _fields(answer, answer.status in (204, 304))
        await send({"type": "websocket.http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "websocket.http.response.body", "body": answer.body, "more_body": False})
    else:
        await send({"type": "websocket.close", "code": close_code(error), "reason": error.code})


def close_code(error: GatewayError) -> int:
    """Return the code to close a WebSocket with."""
    return UNAUTHENTICATED if isinstance(error, Unauthenticated) else POLICY_VIOLATION


def _fields(answer: Answer, is_bodiless: bool) -> Pairs:
    length = [] if is_bodiless else [(b"content-length", b"%d" % len(answer.body))]
    return [*((name.lower(), value) for name, value in answer.fields), *length]

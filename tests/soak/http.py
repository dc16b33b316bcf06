"""A client that costs little beside the gateway that it measures: keep-alive, one request at a time on a connection."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SESSION_COOKIE = "urn:crossfade:params:oauth:token-type:session-cookie"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Status 0 is an answer that did not come whole."""

    status: int
    body: bytes = b""


LOST = Reply(0)


class Connection(asyncio.Protocol):
    """Opened when it is first used, and again when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[Reply] | None = None

    async def send(self, request: bytes) -> Reply:
        """Return the answer, or `LOST` where the connection broke or nothing came for `PATIENCE` seconds."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                return LOST
        assert self._transport is not None
        answer: asyncio.Future[Reply] = loop.create_future()
        self._answer = answer
        timer = loop.call_later(PATIENCE, self._transport.abort)
        self._received = b""
        self._transport.write(request)
        try:
            return await answer
        finally:
            timer.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        if len(body) >= int(lowered[at:].split(b"\r\n", 1)[0]):
            self._settle(Reply(int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._settle(LOST)

    def _settle(self, reply: Reply) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)


def post(path: str, form: dict[str, str], *headers: str) -> bytes:
    body = urlencode(form)
    lines = "".join(f"{header}\r\n" for header in headers)
    return (
        f"POST /.crossfade/{path} HTTP/1.1\r\nHost: localhost\r\n{FORM}{lines}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def refresh_request(token: str) -> bytes:
    return post("token", {"grant_type": "refresh_token", "client_id": "mobile", "refresh_token": token})


def revoke_request(token: str) -> bytes:
    return post("revoke", {"client_id": "mobile", "token": token})


def exchange_request(cookie: str, idempotency_key: str = "") -> bytes:
    form = {"grant_type": EXCHANGE, "subject_token_type": SESSION_COOKIE, "client_id": "mobile"}
    headers = ["X-Crossfade: 1", f"Cookie: session={cookie}"]
    if idempotency_key:
        headers.append(f"Idempotency-Key: {idempotency_key}")
    return post("token", form, *headers)


def session_request(access_token: str) -> bytes:
    """Ask who the token is."""
    return (
        f"GET /.crossfade/session HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {access_token}\r\n\r\n"
    ).encode()

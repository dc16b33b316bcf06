"""A request to the application as something to await; the waiter and receiver of one upstream connection."""

import asyncio
from collections import deque

from gateway.errors import GatewayError
from gateway.http1.response import ResponseHead
from gateway.model import RequestHead
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection

_MOST_WAITING = 64 * 1024
"""Bytes of a response that wait for the client before the application has to."""


class ClientGone(Exception):
    """The client has left; there is nobody to answer."""


class Conversation:
    """One request and its response: `ask`, `response`, `read` until the end, and `close` in any case."""

    def __init__(self, pool: Pool, head: RequestHead) -> None:
        self._pool = pool
        self._head = head
        self._connection: UpstreamConnection | None = None
        self._opened: asyncio.Future[UpstreamConnection] | None = None
        self._response: ResponseHead | None = None
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._is_complete = False
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self.may_retry = False
        """A used connection was closed before a byte of the response came: to ask again may be harmless."""

    # --- for the driver ---

    async def ask(self, request: bytes, *, is_last: bool, is_fresh: bool = False) -> None:
        """Send the written head of the request on a connection of its own. `is_last`: no body follows.

        `is_fresh` asks for a connection that nobody has used.

        Raises:
            UpstreamError: the application cannot be reached.
            Overloaded: too many requests wait for it.
        """
        self._error, self.may_retry = None, False
        self._pool.wheel.start()
        self._opened = asyncio.get_running_loop().create_future()
        self._pool.acquire(self, fresh=is_fresh)
        self._connection = await self._opened
        self._connection.send(self, self._head, request, is_last)

    async def send_more(self, data: bytes, *, is_last: bool) -> None:
        """Send more of the body as soon as the application takes it; nothing once the response is complete."""
        await self._may_send.wait()
        if self._connection is not None:
            self._connection.send_more(data, is_last)

    async def response(self) -> ResponseHead:
        """Return the head of the response.

        Raises:
            UpstreamError: there is none.
            Exception: what `end` was told.
        """
        while self._response is None:
            await self._hear()
        return self._response

    async def read(self) -> tuple[bytes, bool]:
        """Return more of the response's body, and whether that was all.

        Raises:
            UpstreamError: it was cut short.
            Exception: what `end` was told.
        """
        while not self._pieces and not self._is_complete:
            await self._hear()
        payload = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._connection is not None:
            self._connection.resume()
        return payload, self._is_complete

    def expect_stream(self) -> None:
        """It is an event stream, which may be silent for long."""
        if self._connection is not None:
            self._connection.expect_stream()

    def end(self, error: Exception) -> None:
        """Give it up: whoever waits for the response gets the error."""
        self.close()
        self._fail(error)

    def close(self) -> None:
        """Let go of the connection: the application sees that nobody waits, and a body cut short."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        elif self._opened is not None:
            self._pool.cancel(self)
            self._opened.cancel()

    # --- as a waiter ---

    def connected(self, connection: UpstreamConnection) -> None:
        """There is a connection."""
        if self._opened is None or self._opened.done():
            self._pool.release(connection)
        else:
            self._opened.set_result(connection)

    def not_connected(self, error: GatewayError) -> None:
        """There is none."""
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)

    # --- as a receiver ---

    takes_chunks = False

    def response_started(self, response: ResponseHead, payload: bytes, is_last: bool) -> None:
        """The head of the response has come."""
        self._response = response
        self.response_continued(payload, is_last)

    def response_continued(self, payload: bytes, is_last: bool) -> None:
        """More of its body has come."""
        if payload:
            self._pieces.append(payload)
            self._waiting += len(payload)
        if is_last:
            self._is_complete = True
            self._release()
        elif self._waiting > _MOST_WAITING and self._connection is not None:
            self._connection.pause()
        self._news.set()

    def failed(self, error: GatewayError, may_retry: bool) -> None:
        """There will be no more."""
        self.may_retry = may_retry
        self._release()
        self._fail(error)

    def pause_sending(self) -> None:
        """The application does not read."""
        self._may_send.clear()

    def resume_sending(self) -> None:
        """The application reads again."""
        self._may_send.set()

    # --- inside ---

    def _release(self) -> None:
        self._connection = None
        self._may_send.set()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._news.set()

    async def _hear(self) -> None:
        """Wait for news. What has come is read before an error is told."""
        if self._error is not None:
            raise self._error
        self._news.clear()
        await self._news.wait()

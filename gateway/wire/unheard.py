"""The response to a request to log out that nobody waits for any more: it may have ended a session all the same."""

import asyncio

from gateway.errors import GatewayError
from gateway.http1.response import ResponseHead
from gateway.model import Permit, RequestHead
from gateway.wire.shared import Wire
from gateway.wire.transport import report
from gateway.wire.upstream import UpstreamConnection


def follow(wire: Wire, permit: Permit, head: RequestHead, connection: UpstreamConnection | None) -> None:
    """Look at the session once the application has answered, or at once when its answer cannot come any more.

    `connection` is where the answer is still to come; it belongs to us from here on. An application that is busy with
    the logout has not ended the session yet, so that a look before its answer would find the session alive.
    """
    wire.run(Unheard(connection).look(wire, permit, head))


class Unheard:
    """The receiver of such a response. Its time is that of every response."""

    __slots__ = ("_connection", "_heard")

    def __init__(self, connection: UpstreamConnection | None) -> None:
        self._connection = connection
        self._heard: asyncio.Future[ResponseHead | None] = asyncio.get_running_loop().create_future()
        if connection is None:
            self._heard.set_result(None)
        else:
            connection.hand_over(self)

    async def look(self, wire: Wire, permit: Permit, head: RequestHead) -> None:
        """Wait for the answer, and look at what it tells, or at the session alone."""
        response = await self._heard
        watch = wire.watch
        try:
            if response is None:
                await watch.look_after(permit, head, wire.wall())
            elif watch.needs_look(permit, head, response.status, response.fields):
                await watch.look(permit, head, response.status, response.fields, wire.wall())
        except Exception as error:
            report(error)

    # --- as a receiver ---

    takes_chunks = False

    def response_started(self, response: ResponseHead, payload: bytes, is_last: bool) -> None:
        """The head is all that anybody wants to know."""
        if self._connection is not None and not is_last:
            self._connection.abort()
        self._hear(response)

    def response_continued(self, payload: bytes, is_last: bool) -> None:
        """Nobody reads it."""

    def failed(self, error: GatewayError, may_retry: bool) -> None:
        """There will be no answer."""
        self._hear(None)

    def pause_sending(self) -> None:
        """Everything was sent."""

    def resume_sending(self) -> None:
        """Everything was sent."""

    def _hear(self, response: ResponseHead | None) -> None:
        if not self._heard.done():  # the server that closes has ended the wait
            self._heard.set_result(response)

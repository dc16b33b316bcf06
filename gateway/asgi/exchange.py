"""One permitted request and its answer on the way through an ASGI shell."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.asgi.gateway import Gateway
from gateway.errors import BodyTooLarge, SessionEnded
from gateway.headers import Pairs
from gateway.http1.response import is_event_stream
from gateway.model import Peer, Permit, RequestHead

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class Exchange:
    """A request that may go to the application."""

    gateway: Gateway
    scope: Scope
    head: RequestHead
    peer: Peer
    permit: Permit
    request_id: bytes
    upstream_duration: float = 0.0
    """Seconds that the application took."""
    _handle: object = field(default=None, init=False)
    _ending: asyncio.Timeout | None = field(default=None, init=False)
    _moment: int = field(default=0, init=False)
    _is_answered: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Note the moment: revocations from here on end it."""
        self._moment = self.gateway.live.moment

    async def edited(self, status: int, fields: Pairs) -> Pairs:
        """Return a response's fields as the client gets them."""
        self._is_answered = True
        watch, permit, head = self.gateway.watch, self.permit, self.head
        if watch.needs_look(permit, head, status, fields):
            return watch.edit(permit, head, status, *await watch.look(permit, head, status, fields, time.time()))
        return watch.edit(permit, head, status, fields)

    async def run(self, application: Awaitable[None]) -> bool:
        """Await the application. Returns True when a revocation ended it; see `stays_open`."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(None) as ending:
                self._ending = ending
                await application
        except TimeoutError:
            if not ending.expired():
                raise
            return True
        finally:
            self._ending = None
            self.gateway.live.remove(self._handle)
            self.upstream_duration = time.monotonic() - started
            if self.awaits_logout and not self._is_answered:
                await self.gateway.watch.look_after(self.permit, self.head, time.time())
        return False

    @property
    def awaits_logout(self) -> bool:
        """Whether a session may end by this request, which is then followed although nobody waits for the answer."""
        return self.gateway.watch.awaits_logout(self.permit, self.head)

    def stays_open(self) -> None:
        """From now on a revocation of the credential ends this exchange: it is a tunnel or an event stream."""
        if self._handle is None:
            try:
                self._handle = self.gateway.live.add(self.permit, self._end, self._moment)
            except SessionEnded:
                self._end()

    def _end(self) -> None:
        if self._ending is not None:
            self._ending.reschedule(asyncio.get_running_loop().time())


class Sending:
    """What an application sends, edited for the client."""

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Pass a message on; the start of a response is held while it is looked at."""
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            status = message["status"]
            fields = await self._exchange.edited(status, _pairs(message))
            message = {**message, "headers": fields}
            if is_event_stream(fields):
                self._exchange.stays_open()
        elif message["type"] == "websocket.accept":
            message = {**message, "headers": await self._exchange.edited(101, _pairs(message))}
            self._exchange.stays_open()
        await self._send(message)


def _pairs(message: Message) -> Pairs:
    return [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]


def limited(receive: Receive, limit: int) -> Receive:
    """Bound the request's body to `limit` bytes; `receive` raises BodyTooLarge beyond it."""
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > limit:
                raise BodyTooLarge
        return message

    return receiving


Forward = Callable[[Exchange, Receive, Send], Awaitable[None]]
"""What a permit leads to."""

"""One raw connection to Redis for the verdict path: commands go out in order, replies come back in order.

redis-py costs twice the CPU per call and waits for minutes on a silent server; here each command has one deadline, and
a connection on which one passed is closed, so that no late reply is ever taken for another's.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Self, cast

import hiredis

from gateway.stores.redis_address import RedisAddress

UNREACHABLE, LOST, TIMEOUT, PROTOCOL = "unreachable", "lost", "timeout", "protocol"
CROWDED = "crowded"
"""Redis answers, but not us in time: there is too much before us."""
_LATE_LOOP = 0.02
"""By how much the event loop itself must be late before a passed deadline is not held against Redis. In seconds."""
_ERROR_WORD = re.compile(r"\b[A-Z]{3,20}\b")


class RedisFault(Exception):
    """Redis did not answer, or answered with an error. `str()` is a word or two: timeout, lost, protocol, READONLY."""


def error_word(reply: str) -> str:
    """Return the code that an error reply begins with, such as LOADING or NOAUTH; nothing else of it."""
    word = _ERROR_WORD.search(reply)
    return word[0] if word else "error"


Tell = Callable[[object], None]
"""Is told the reply or a RedisFault, at once when it is there. Never raises: others wait behind it."""


class _Call:
    """A command that waits for its reply."""

    __slots__ = ("due", "tell", "timer", "was_excused")

    def __init__(self, tell: Tell | None, due: float) -> None:
        self.tell = tell
        """None once it was told."""
        self.due = due
        self.timer: asyncio.TimerHandle | None = None
        self.was_excused = False


class RedisConnection(asyncio.Protocol):
    """A connection that was greeted. `deadline` is in seconds and holds for each command.

    With `bears_crowds` a command that passes its deadline, while others were answered within as long, fails alone with
    CROWDED, and the connection lives on. `why_lost` is empty for as long as the connection can be used.
    """

    def __init__(self, deadline: float, *, bears_crowds: bool = False) -> None:
        self.deadline = deadline
        self.why_lost = ""
        self._bears_crowds = bears_crowds
        self._heard_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._calls: deque[_Call] = deque()
        self._transport: asyncio.Transport | None = None

    @property
    def unanswered(self) -> int:
        """How many commands have no reply yet, those among them that nobody waits for any more."""
        return len(self._calls)

    @classmethod
    async def open(
        cls,
        address: RedisAddress,
        tls: ssl.SSLContext | None,
        *,
        connect_timeout: float,
        deadline: float,
        bears_crowds: bool = False,
    ) -> Self:
        """Connect and greet within `connect_timeout` seconds.

        Raises:
            RedisFault: it could not be reached, or did not let us in.
        """
        connection = cls(connect_timeout, bears_crowds=bears_crowds)
        try:
            async with asyncio.timeout(connect_timeout):
                await connection._connect(address, tls)
                for command in address.greeting():
                    await connection.call(*command)
        except OSError as error:  # TimeoutError and ssl.SSLError are of its kind
            connection.close(UNREACHABLE)
            raise RedisFault(UNREACHABLE) from error
        except BaseException:
            connection.close(LOST)
            raise
        connection.deadline = deadline
        return connection

    def call(self, *command: str | bytes) -> "asyncio.Future[object]":
        """Send a command; the future has its reply, or a RedisFault. Cancelling it disturbs nobody."""
        reply: asyncio.Future[object] = self._loop.create_future()
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]  # the stub knows only one argument
        self.send(packed, partial(_resolve, reply))
        return reply

    def send(self, packed: bytes, tell: Tell) -> None:
        """Send a command that is in RESP already; `tell` is told within this call where nothing can be sent."""
        if self._transport is None or self.why_lost:
            tell(RedisFault(self.why_lost or LOST))
            return
        call = _Call(tell, self._loop.time() + self.deadline)
        self._calls.append(call)
        call.timer = self._loop.call_at(call.due, self._pass_deadline, call)
        self._transport.write(packed)

    def close(self, why: str) -> None:
        """Close at once; whoever waits gets a RedisFault that says why."""
        if self.why_lost:
            return
        self.why_lost = why
        if self._transport is not None:
            self._transport.abort()
        while self._calls:
            _tell(self._calls.popleft(), RedisFault(why))

    async def _connect(self, address: RedisAddress, tls: ssl.SSLContext | None) -> None:
        if address.path:
            await self._loop.create_unix_connection(lambda: self, address.path)
        else:
            await self._loop.create_connection(lambda: self, address.host, address.port, ssl=tls)

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)  # TCP and Unix sockets have no other kind

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self.close(LOST)

    def data_received(self, data: bytes) -> None:
        """Give each reply to the oldest command without one."""
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False and not self.why_lost:
                self._settle(reply)
        except (hiredis.HiredisError, IndexError):  # not RESP, or a reply that nobody asked for
            self.close(PROTOCOL)

    def _settle(self, reply: object) -> None:
        if isinstance(reply, hiredis.ReplyError):
            reply = RedisFault(error_word(str(reply)))
        _tell(self._calls.popleft(), reply)

    def _pass_deadline(self, call: _Call) -> None:
        # After a pause of our own process the reply may lie in the socket already: look there once before judging.
        now = self._loop.time()
        if not call.was_excused and (self._bears_crowds or now - call.due > _LATE_LOOP):
            call.was_excused = True
            call.timer = self._loop.call_later(_LATE_LOOP, self._pass_deadline, call)
        elif self._bears_crowds and now - self._heard_at < self.deadline:
            _tell(call, RedisFault(CROWDED))  # it keeps its place, so that its reply is not taken for another's
        else:
            self.close(TIMEOUT)


def _tell(call: _Call, reply: object) -> None:
    if call.timer is not None:
        call.timer.cancel()
    tell, call.tell = call.tell, None
    if tell is not None:
        tell(reply)


def _resolve(waiter: "asyncio.Future[object]", reply: object) -> None:
    if waiter.done():
        return
    if isinstance(reply, RedisFault):
        waiter.set_exception(reply)
        waiter.exception()  # whoever asked may have left: then nobody fetches it, and asyncio would complain
    else:
        waiter.set_result(reply)

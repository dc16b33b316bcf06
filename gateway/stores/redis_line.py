"""One raw connection for questions that may also go unasked: opened by the first, and at rest while Redis is away.

A burst is sent as one pipeline. That it is too much for us is no sign that Redis is away: else anybody could make each
gateway go on alone, just by asking often.
"""

import asyncio

from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import CROWDED, RedisConnection, RedisFault

_TIMEOUT = 0.1
"""Seconds that an answer may take."""
_CONNECT_TIMEOUT = 0.3
_MOST = 4000
"""Questions that may be unanswered at once: Redis answers as many well within the timeout, at about 10 µs each."""


class RedisLine:
    """Asks over one connection, from one event loop. After a fault nobody waits for `rest` seconds.

    Raises:
        ConfigurationError: a TLS file cannot be used.
    """

    def __init__(self, address: RedisAddress, *, rest: float, most: int = _MOST) -> None:
        self._address = address
        self._tls = address.tls()
        self._rest = rest
        self._most = most
        self._rests_until = 0.0
        self._connection: RedisConnection | None = None
        self._opening: asyncio.Task[RedisConnection] | None = None

    async def ask(self, *command: str | bytes, now: float) -> object:
        """Return the reply.

        Raises:
            LineCrowded: too many ask at once. Redis itself answers, as far as anybody knows.
            RedisFault: Redis is away or at rest, or answered with an error.
        """
        if 0 < self._rests_until - now <= self._rest:  # a clock that was set back does not prolong it
            raise RedisFault("at rest")
        try:
            connection = await self._open()
            if connection.unanswered >= self._most:
                raise LineCrowded(CROWDED)
            return await connection.call(*command)
        except RedisFault as fault:
            if str(fault) == CROWDED:
                raise LineCrowded(CROWDED) from None
            self._rests_until = now + self._rest
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._connection is not None:
            self._connection.close("closed")

    async def _open(self) -> RedisConnection:
        if self._connection is not None and not self._connection.why_lost:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)  # whoever leaves leaves the others their connection

    async def _connect(self) -> RedisConnection:
        return await RedisConnection.open(
            self._address, self._tls, connect_timeout=_CONNECT_TIMEOUT, deadline=_TIMEOUT, bears_crowds=True
        )

    def _opened(self, opening: "asyncio.Task[RedisConnection]") -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._connection = opening.result()


class LineCrowded(Exception):
    """We ask more than is answered in time."""

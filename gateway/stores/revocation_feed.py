"""The feed: a stream in Redis that tells every gateway within milliseconds what any of them revoked.

A stream forgets its beginning, a failover its end, and a flush everything, none of it with an error. So the feed is
believed only as far as the numbers go: it confirms that the mirror is complete when nothing up to `seq` is missing, and
asks for the log to be read when something is. Each beat is one question and one answer, at most a second apart, so that
a Redis that fell silent confirms nothing either.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.model import Revocation, RevocationKind
from gateway.ports import Clock
from gateway.stores.keeper import Keeper
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import LOST, PROTOCOL, RedisConnection, RedisFault
from gateway.stores.redis_keys import RedisKeys
from gateway.stores.revocation_memory import MemoryRevocationStore

_KINDS = {kind.value.encode(): kind for kind in RevocationKind}
_START = b"0-0"
_MOST = 1000
"""Entries in one answer."""


@dataclass(frozen=True, slots=True)
class FeedPolicy:
    """Times in seconds: how long one beat waits for news, how long any answer may take beyond that."""

    beat: float = 1.0
    patience: float = 0.5
    connect_timeout: float = 0.3
    retry_every: float = 0.4


class RevocationFeed:
    """Reads the stream into the mirror. `jitter` draws from [0, 1), so that many processes do not knock at once.

    Raises:
        ConfigurationError: a TLS file cannot be used.
    """

    def __init__(
        self,
        address: RedisAddress,
        keys: RedisKeys,
        mirror: MemoryRevocationStore,
        clock: Clock,
        policy: FeedPolicy | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._tls: ssl.SSLContext | None = address.tls()
        self._keys = keys
        self._mirror = mirror
        self._clock = clock
        self._policy = policy or FeedPolicy()
        self._jitter = jitter
        self._keeper = Keeper(self._round)
        self._connection: RedisConnection | None = None
        self._position = b""
        self._block = str(round(self._policy.beat * 1000)).encode()

    @property
    def is_connected(self) -> bool:
        """Whether news come in."""
        return self._connection is not None

    async def start(self) -> None:
        """Try once to connect, and go on in the background. Never raises."""
        await self._keeper.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._keeper.close()
        self._disconnect()

    async def _round(self) -> float:
        """Connect or wait for news, and compare numbers; where the place in the stream was lost, rest first."""
        try:
            if self._connection is None:
                self._connection = await self._connect()
            elif self._position:
                await self._wait_for_news(self._connection)
            await self._beat(self._connection)
        except RedisFault:
            self._disconnect()
            self._mirror.wake()  # what the feed does not bring any more, the log has
        if self._connection is not None and self._position:
            return 0.0
        return self._policy.retry_every * (0.5 + self._jitter() / 2)

    async def _connect(self) -> RedisConnection:
        policy = self._policy
        return await RedisConnection.open(
            self._address,
            self._tls,
            connect_timeout=policy.connect_timeout,
            deadline=policy.beat + policy.patience,
        )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(LOST)

    async def _wait_for_news(self, connection: RedisConnection) -> None:
        self._take(await connection.call(b"XREAD", b"BLOCK", self._block, *self._from()))

    async def _beat(self, connection: RedisConnection) -> None:
        """Compare numbers. What was published before `seq` was read is in the answer to the second command."""
        at = self._clock.monotonic()
        if not self._position:
            self._position = _last_id(await connection.call(b"XREVRANGE", self._keys.feed, b"+", b"-", b"COUNT", b"1"))
        number = connection.call(b"GET", self._keys.sequence)
        news = connection.call(b"XREAD", *self._from())
        await asyncio.wait((number, news))
        count, newest = self._take(news.result()), _number(number.result())
        if newest is not None and self._mirror.confirm(newest, at):
            return
        if count < _MOST:  # trimmed, flushed, failed over, or written by a rebuild, which tells the stream nothing
            self._position = b""
            self._mirror.wake()

    def _from(self) -> tuple[bytes, ...]:
        return b"COUNT", str(_MOST).encode(), b"STREAMS", self._keys.feed, self._position

    def _take(self, reply: object) -> int:
        entries = _entries(reply)
        if entries:
            self._position = entries[-1][0]
            self._mirror.take_news([_revocation(fields) for _, fields in entries])
        return len(entries)


def _entries(reply: object) -> Sequence[tuple[bytes, Sequence[bytes]]]:
    """Return what one stream had for us: `[[name, [[id, fields], …]]]`, or nil."""
    if reply is None:
        return ()
    if not isinstance(reply, list):
        raise RedisFault(PROTOCOL)
    try:
        return [(bytes(identity), list(fields)) for _, entries in reply for identity, fields in entries]
    except (TypeError, ValueError):
        raise RedisFault(PROTOCOL) from None


def _revocation(fields: Sequence[bytes]) -> Revocation:
    """Read one entry, as `redis_blacklist` writes it."""
    try:
        content = dict(zip(fields[::2], fields[1::2], strict=True))
        kind, name = _KINDS[content[b"kind"]], content[b"name"].decode("utf-8", "surrogatepass")
        return Revocation(kind, name, int(content[b"until"]) / 1000, "feed", int(content[b"seq"]))
    except (KeyError, ValueError):
        raise RedisFault(PROTOCOL) from None


def _last_id(reply: object) -> bytes:
    if isinstance(reply, list) and reply:
        return bytes(reply[0][0])
    return _START


def _number(reply: object) -> int | None:
    try:
        return int(reply) if isinstance(reply, bytes) else None
    except ValueError:
        return None

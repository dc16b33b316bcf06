"""Session records in the application's Redis, read with GET, and with HMGET where they are hashes."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.codec import MAX_TEXT, Entry, Query, Row
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_client import connect
from gateway.stores.sessions import PlaceUnavailable, ensure_entry


class RedisPlace:
    """Looks entries up, in at most `timeout` seconds and on at most `connections` connections.

    The user that it logs in as needs `+get`, or `+hmget`, and nothing else: `Redis` sends no other command.
    """

    def __init__(self, address: RedisAddress, *, timeout: float = 1.0, connections: int = 16) -> None:
        self._redis: Redis = connect(address, timeout)
        self._timeout = timeout
        self._free = asyncio.Semaphore(connections)

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`."""
        entry = ensure_entry(query)
        try:
            async with asyncio.timeout(self._timeout), self._free:
                row = await self._read(entry)
        except (TimeoutError, RedisTimeoutError) as error:
            raise PlaceUnavailable("timeout") from error
        except (RedisError, OSError, RuntimeError) as error:
            raise PlaceUnavailable("unreachable") from error
        if any(value is not None and len(value) > MAX_TEXT for value in row):
            raise PlaceUnavailable("unreadable")
        return None if all(value is None for value in row) else row

    async def aclose(self) -> None:
        """See `Place`."""
        await self._redis.aclose()

    async def _read(self, entry: Entry) -> tuple[bytes | str | None, ...]:
        key = entry.prefix + entry.name
        if entry.fields:
            return tuple(await self._redis.hmget(key, list(entry.fields)))
        return (await self._redis.get(key),)

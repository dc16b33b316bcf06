"""New sessions in the application's Redis."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.codec import Entry, Query
from gateway.errors import VaultUnavailable
from gateway.formats.minting import NewEntry, NewRecord
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_client import connect


class RedisMintPlace:
    """Sets entries that expire, and deletes them, in at most `timeout` seconds.

    The user that it logs in as needs `+set` and `+del`, and nothing else.
    """

    def __init__(self, address: RedisAddress, *, timeout: float = 1.0) -> None:
        self._redis: Redis = connect(address, timeout)
        self._timeout = timeout

    async def write(self, record: NewRecord) -> str:
        """See `MintPlace`. A name that is taken, which chance does not give, is never written over."""
        assert isinstance(record, NewEntry)
        try:
            async with asyncio.timeout(self._timeout):
                is_new = await self._redis.set(record.prefix + record.name, record.value, ex=record.life, nx=True)
        except (TimeoutError, RedisError, OSError, RuntimeError) as error:
            raise VaultUnavailable("A session could not be written.") from error
        if not is_new:
            raise VaultUnavailable("A session has the name of another.")
        return record.name

    async def delete(self, query: Query) -> None:
        """See `MintPlace`."""
        assert isinstance(query, Entry)
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.delete(query.prefix + query.name)
        except (TimeoutError, RedisError, OSError, RuntimeError) as error:
            raise VaultUnavailable("A session could not be deleted.") from error

    async def aclose(self) -> None:
        """See `MintPlace`."""
        await self._redis.aclose()

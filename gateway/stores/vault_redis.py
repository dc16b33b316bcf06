"""Copies of sealed sessions in Redis, one hash each. Redis never has the key of what it keeps here either."""

from collections.abc import Awaitable, Sequence
from typing import cast

from redis.asyncio import Redis

from gateway.records import SealedSession
from gateway.stores.redis_client import renamed
from gateway.stores.redis_connection import PROTOCOL, RedisFault
from gateway.stores.redis_keys import RedisKeys

# KEYS: the copy, the revocation of the family. ARGV: version, key id, sealed bytes, end in milliseconds since 1970.
# A family that has ended has no copy, whoever comes late; and an old version never takes the place of a newer one.
_KEEP = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local held = tonumber(redis.call('HGET', KEYS[1], 'version') or '')
if held and held >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'key', ARGV[2], 'sealed', ARGV[3], 'until', ARGV[4])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
return 1
"""


class RedisVaultCopies:
    """Every method raises RedisFault when Redis did not do what was asked."""

    def __init__(self, client: "Redis", keys: RedisKeys) -> None:
        self._client = client
        self._keys = keys

    async def keep(self, entry: SealedSession) -> None:
        """Keep a copy until the entry expires, unless there is a newer one or the family has ended."""
        keys = (self._keys.of_copy(entry.session_id), self._keys.of_family(entry.session_id))
        until = str(int(entry.expires_at * 1000))
        call = self._client.eval(_KEEP, 2, *keys, str(entry.version), entry.key_id, entry.sealed, until)
        await renamed(cast("Awaitable[object]", call))

    async def find(self, session_id: str) -> SealedSession | None:
        """Return the copy, or None."""
        call = self._client.hmget(self._keys.of_copy(session_id), ["version", "key", "sealed", "until"])
        return _entry(session_id, await renamed(cast("Awaitable[Sequence[bytes | None]]", call)))

    async def discard(self, session_id: str) -> None:
        """Delete the copy."""
        await renamed(cast("Awaitable[object]", self._client.unlink(self._keys.of_copy(session_id))))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()


def _entry(session_id: str, fields: Sequence[bytes | None]) -> SealedSession | None:
    version, key_id, sealed, until = fields
    if version is None or key_id is None or sealed is None or until is None:
        return None
    try:
        return SealedSession(session_id, key_id.decode(), sealed, int(version), int(until) / 1000)
    except ValueError:
        raise RedisFault(PROTOCOL) from None

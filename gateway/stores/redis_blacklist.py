"""Writing the blacklist to Redis, so that its sequence number never promises more than is there.

`seq` says: every living revocation up to this number is in this Redis. It is raised by the script that writes them, and
only from a number that leaves no gap. A Redis that lost writes has an older number or none, because what it has left is
a state from before: a restored snapshot or a promoted replica can be brought up to date from the log, and only an empty
one has to be filled anew.
"""

import secrets
from collections.abc import Awaitable, Sequence
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from gateway.model import Revocation, RevocationKind
from gateway.ports import Clock, RevocationLog
from gateway.stores.redis_client import renamed
from gateway.stores.redis_connection import RedisFault
from gateway.stores.redis_keys import RedisKeys

_PAGE = 500
_REBUILD_LIFE = 600_000
"""How long the traces of an abandoned rebuild stay, in milliseconds."""

# KEYS: the number to raise, the feed, one for each revocation.
# ARGV: the number that they follow on, the number to raise to, the length of the feed (0: none), and for each
# revocation its sequence, remaining life in milliseconds, kind, name, end in milliseconds since 1970, and the key of
# the copy of the vaulted session that goes with it (empty: none), which outside of a cluster need not be declared.
_WRITE = """
local after, to, feed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 3, #KEYS do
  local at = 4 + (i - 3) * 6
  local held = tonumber(redis.call('GET', KEYS[i]) or '') or 0
  local number = string.format('%.0f', math.max(held, tonumber(ARGV[at])))
  local life = string.format('%.0f', math.max(redis.call('PTTL', KEYS[i]), tonumber(ARGV[at + 1])))
  redis.call('SET', KEYS[i], number, 'PX', life)
  if ARGV[at + 5] ~= '' then redis.call('UNLINK', ARGV[at + 5]) end
  if feed > 0 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'seq', ARGV[at], 'kind', ARGV[at + 2],
      'name', ARGV[at + 3], 'until', ARGV[at + 4])
  end
end
local held = tonumber(redis.call('GET', KEYS[1]) or '')
if held and held >= after and held < to then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  held = to
end
return held and string.format('%.0f', held)
"""

# KEYS: seq, the number of the rebuild. ARGV: what the latter must have reached.
_FINISH = """
local reached = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[2]) or '') ~= reached then return false end
redis.call('DEL', KEYS[2])
local held = tonumber(redis.call('GET', KEYS[1]) or '')
if held and held >= reached then return string.format('%.0f', held) end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
"""


class RedisBlacklist:
    """The writing side. Every method raises RedisFault when Redis did not do what was asked."""

    def __init__(self, client: "Redis", keys: RedisKeys, clock: Clock, *, feed_length: int) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock
        self._feed_length = feed_length

    async def publish(self, revocations: Sequence[Revocation]) -> int | None:
        """Write revocations that were recorded together; return `seq` as it is then, None when it is missing.

        It stays behind while another process has still to write what was recorded before these.
        """
        first, last = revocations[0].sequence, revocations[-1].sequence
        return await self._write(self._keys.sequence, revocations, first - 1, last, self._feed_length)

    async def align(self, log: RevocationLog, *, from_scratch: bool) -> int:
        """Write what the log has and Redis has not, all of it where `seq` cannot be relied on; return `seq`.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        newest = await log.sequence()
        held = _number(await renamed(self._client.get(self._keys.sequence)))
        # Redis may be ahead of a log that was restored from a backup: then its number says nothing about this log.
        if held is None or held > newest or from_scratch:
            return await self._rebuild(log, newest)
        return await self._replay(log, self._keys.sequence, held, newest, self._feed_length)

    async def evictions(self) -> int:
        """Return how many keys this Redis has thrown out for lack of memory; 0 where it does not say."""
        try:
            stats = await renamed(self._client.info("stats"))
        except RedisFault as fault:
            if isinstance(fault.__cause__, ResponseError):
                return 0
            raise
        return int(stats.get("evicted_keys", 0))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    async def _rebuild(self, log: RevocationLog, newest: int) -> int:
        """Write everything, counting along under a name of its own: a loss on the way shows in that number."""
        counter = f"{self._keys.rebuilding}{secrets.token_hex(8)}".encode()
        await renamed(self._client.set(counter, 0, px=_REBUILD_LIFE))
        reached = await self._replay(log, counter, 0, newest, 0)
        keys = (self._keys.sequence, counter)
        held = _number(await self._run(_FINISH, keys, (str(reached),)))
        if held is None:
            raise RedisFault("lost writes")
        return held

    async def _replay(self, log: RevocationLog, counter: bytes, after: int, newest: int, feed_length: int) -> int:
        while page := await log.live(self._clock.wall(), after=after, limit=_PAGE):
            after = await self._write_on(counter, page, after, page[-1].sequence, feed_length)
        if after < newest:  # what came last has expired already
            after = await self._write_on(counter, (), after, newest, feed_length)
        return after

    async def _write_on(
        self, counter: bytes, revocations: Sequence[Revocation], after: int, to: int, feed_length: int
    ) -> int:
        held = await self._write(counter, revocations, after, to, feed_length)
        if held is None or held < to:
            raise RedisFault("lost writes")
        return to

    async def _write(
        self, counter: bytes, revocations: Sequence[Revocation], after: int, to: int, feed_length: int
    ) -> int | None:
        now = self._clock.wall()
        keys = [counter, self._keys.feed]
        arguments: list[str | bytes] = [str(after), str(to), str(feed_length)]
        for revocation in revocations:
            life = int((revocation.expires_at - now) * 1000)
            if life > 0:
                keys.append(self._keys.of_revocation(revocation))
                arguments += (
                    str(revocation.sequence),
                    str(life),
                    revocation.kind.value,
                    revocation.name,
                    str(int(revocation.expires_at * 1000)),
                    self._keys.of_copy(revocation.name) if revocation.kind is RevocationKind.FAMILY else b"",
                )
        return _number(await self._run(_WRITE, keys, arguments))

    async def _run(self, script: str, keys: Sequence[bytes], arguments: Sequence[str | bytes]) -> object:
        call = self._client.eval(script, len(keys), *keys, *arguments)
        return await renamed(cast("Awaitable[object]", call))


def _number(reply: object) -> int | None:
    try:
        return int(reply) if isinstance(reply, bytes) else None
    except ValueError:
        return None

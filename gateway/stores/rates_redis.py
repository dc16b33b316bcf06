"""Rates that several gateways count together, in the Redis that they share."""

from collections.abc import Sequence

from gateway.core.rates import Charge
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import PROTOCOL, RedisFault
from gateway.stores.redis_line import LineCrowded, RedisLine

_REST = 2.0
"""Seconds for which a Redis that failed is not asked again, so that its outage slows nobody down."""

# Times are microseconds of the one clock that all gateways share. Nothing is taken unless all have room.
_TAKE = """
local clock = redis.call('TIME')
local now, wait, paid = clock[1] * 1000000 + clock[2], 0, {}
for i, key in ipairs(KEYS) do
  local period, step = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  paid[i] = math.max(tonumber(redis.call('GET', key) or 0), now) + step
  wait = math.max(wait, paid[i] - now - period)
end
if wait > 1000 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', paid[i]), 'PX', math.ceil((paid[i] - now) / 1000))
end
return 0
"""


class RedisRateLimiter:
    """Asks Redis; while it is away each process counts alone, so that there is a limit and nobody is locked out.

    What is too much at once is counted alone too, each request for itself.
    """

    def __init__(self, address: RedisAddress, prefix: str = "{cf}:") -> None:
        self._line = RedisLine(address, rest=_REST)
        self._prefix = f"{prefix}rate:"
        self._alone = MemoryRateLimiter()

    async def take(self, charges: Sequence[Charge], now: float) -> float:
        """Take one of each and return 0.0; or take none and return how many seconds to wait."""
        try:
            return await self._ask(charges, now)
        except (LineCrowded, RedisFault):
            return await self._alone.take(charges, now)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._line.aclose()

    async def _ask(self, charges: Sequence[Charge], now: float) -> float:
        keys = [self._prefix + charge.name for charge in charges]
        times = [str(round(time * 1e6)) for charge in charges for time in (charge.rate.period, charge.rate.step)]
        # The whole script each time, which Redis knows again by its digest: it may have been flushed in between.
        reply = await self._line.ask("EVAL", _TAKE, str(len(keys)), *keys, *times, now=now)
        if not isinstance(reply, int):
            raise RedisFault(PROTOCOL)
        return reply / 1e6

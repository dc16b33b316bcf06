"""Rates that several gateways count together, in the Redis that they share."""

from collections.abc import Sequence

from gateway.core.rates import Charge
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_client import connect, renamed
from gateway.stores.redis_connection import RedisFault

_TIMEOUT = 0.1
"""Seconds that Redis may take; then the process counts alone."""

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
    """Asks Redis; while it is away each process counts alone, so that there is a limit and nobody is locked out."""

    def __init__(self, address: RedisAddress, prefix: str = "{cf}:") -> None:
        self._redis = connect(address, _TIMEOUT)
        self._script = self._redis.register_script(_TAKE)
        self._prefix = f"{prefix}rate:"
        self._alone = MemoryRateLimiter()
        self._rests_until = 0.0

    async def take(self, charges: Sequence[Charge], now: float) -> float:
        """Take one of each and return 0.0; or take none and return how many seconds to wait."""
        if now >= self._rests_until:
            try:
                return await self._ask(charges)
            except RedisFault:
                self._rests_until = now + _REST
        return await self._alone.take(charges, now)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _ask(self, charges: Sequence[Charge]) -> float:
        keys = [self._prefix + charge.name for charge in charges]
        times = [round(time * 1e6) for charge in charges for time in (charge.rate.period, charge.rate.step)]
        return int(await renamed(self._script(keys=keys, args=times))) / 1e6

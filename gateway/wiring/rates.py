"""Where it is counted how often something happens: in this process, or in the Redis that several gateways share."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from gateway.ports import RateLimiter
from gateway.settings.schema.root import Settings
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.wiring.extras import ensure_installed


def open_limiter(settings: Settings, environ: Mapping[str, str], opened: AsyncExitStack) -> RateLimiter:
    """Prepare counting; nothing is connected before the first question. `opened` closes it.

    Raises:
        ConfigurationError: the address of Redis cannot be used, or the package for it is missing.
    """
    redis = settings.stores.redis
    if redis is None:
        return MemoryRateLimiter()
    ensure_installed("redis", "hiredis", extra="redis", wanted_by="stores.redis")
    from gateway.stores.rates_redis import RedisRateLimiter
    from gateway.stores.redis_address import parse_redis_url

    limiter = RedisRateLimiter(parse_redis_url(redis.read(environ)))
    opened.push_async_callback(limiter.aclose)
    return limiter

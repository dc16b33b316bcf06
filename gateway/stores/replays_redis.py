"""Which DPoP proofs several gateways have seen, in the Redis that they share."""

import asyncio
from collections.abc import Awaitable

from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_client import connect, renamed
from gateway.stores.redis_connection import RedisFault
from gateway.stores.replays_memory import MemoryProofReplays

_TIMEOUT = 0.1
"""Seconds that Redis may take; then what this process has seen counts alone."""

_REST = 1.0
"""Seconds for which a Redis that failed is not asked again."""


class RedisProofReplays:
    """Asks its own memory first, then Redis. While Redis is away, a proof could be shown once at each gateway."""

    def __init__(self, address: RedisAddress, life: float, prefix: str = "{cf}:") -> None:
        self._redis = connect(address, _TIMEOUT)
        self._prefix = f"{prefix}dpop:"
        self._own = MemoryProofReplays(life)
        self._rests_until = 0.0

    def is_first(self, name: str, until: float, now: float) -> Awaitable[bool]:
        """Whether nobody has shown it before; remembers it `until` it would be refused anyhow."""
        return asyncio.get_running_loop().create_task(self._ask(name, until, now))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _ask(self, name: str, until: float, now: float) -> bool:
        if not self._own.note(name, until, now):
            return False
        if now < self._rests_until:
            return True
        life = max(1, round((until - now) * 1000))
        try:
            return bool(await renamed(self._redis.set(self._prefix + name, b"", nx=True, px=life)))
        except RedisFault:
            self._rests_until = now + _REST
            return True

"""Which DPoP proofs several gateways have seen, in the Redis that they share."""

import asyncio
from collections.abc import Awaitable

from gateway.errors import Overloaded
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import RedisFault
from gateway.stores.redis_line import LineCrowded, RedisLine
from gateway.stores.replays_memory import MemoryProofReplays

_REST = 1.0
"""Seconds for which a Redis that failed is not asked again."""


class RedisProofReplays:
    """Asks its own memory first, then Redis. While Redis is away, a proof could be shown once at each gateway."""

    def __init__(self, address: RedisAddress, life: float, prefix: str = "{cf}:", kind: str = "dpop") -> None:
        self._line = RedisLine(address, rest=_REST)
        self._prefix = f"{prefix}{kind}:"
        self._own = MemoryProofReplays(life)

    def is_first(self, name: str, until: float, now: float) -> Awaitable[bool]:
        """Whether nobody has shown it before; remembers it `until` it would be refused anyhow.

        Raises:
            Overloaded: so many are shown at once that this one cannot be looked up in time.
        """
        return asyncio.get_running_loop().create_task(self._ask(name, until, now))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._line.aclose()

    async def _ask(self, name: str, until: float, now: float) -> bool:
        if not self._own.note(name, until, now):
            return False
        life = str(max(1, round((until - now) * 1000)))
        try:
            return await self._line.ask("SET", self._prefix + name, b"", "NX", "PX", life, now=now) is not None
        except LineCrowded:
            # Redis is up and may know it: to go on alone would let anybody switch it off by a burst.
            raise Overloaded("Too many proofs are shown at once.") from None
        except RedisFault:
            return True

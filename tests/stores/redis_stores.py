"""A running RedisRevocationStore for tests, and a log that can be made to fail."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import Revocation, RevocationKind
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore
from tests.servers import RedisServer
from tests.stores.conformance_revocation_store import FAR, is_refused, revoke
from tests.stores.samples import TOKEN, RealClock, revocation

FAST = RedisPolicy(check_every=0.02, retry_every=0.02)
"""Looks often, so that tests need not wait."""
RARE = RedisPolicy(check_every=60.0, retry_every=0.02)
"""Never looks by itself: what is noticed is noticed by requests."""


class UnsteadyLog(MemoryRevocationLog):
    """A log that can be away."""

    is_down = False

    def forget_all(self) -> None:
        """Go back to the beginning, as a database does that was restored from a backup."""
        self._entries.clear()
        self._sequence = 0

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        if self.is_down:
            raise StoreUnavailable
        return await super().live(now, after=after, limit=limit)

    async def sequence(self) -> int:
        if self.is_down:
            raise StoreUnavailable
        return await super().sequence()


@contextlib.asynccontextmanager
async def running_store(
    server: RedisServer | str, log: MemoryRevocationLog, policy: RedisPolicy = FAST
) -> AsyncIterator[RedisRevocationStore]:
    url = server if isinstance(server, str) else server.url
    store = RedisRevocationStore(parse_redis_url(url), log, RealClock(), policy)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def is_let_through(store: RedisRevocationStore) -> bool:
    """Whether the token passes; what cannot be answered does not pass."""
    try:
        return not await is_refused(store, TOKEN)
    except RevocationUnavailable:
        return False


async def revoke_the_token(log: UnsteadyLog, store: RedisRevocationStore) -> None:
    await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))

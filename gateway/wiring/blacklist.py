"""The fast copy of what was revoked: in this process, and in the Redis that several gateways share."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.ports import Clock, RevocationLog, RevocationStore, VaultStore
from gateway.settings.schema.stores import Revocation
from gateway.stores.dependency import DependencyState
from gateway.stores.revocation_memory import Announce, MemoryRevocationStore
from gateway.wiring.extras import ensure_installed

if TYPE_CHECKING:
    from gateway.stores.vault_copied import CopiedVaultStore


_LONGEST_START = 1.0
"""Seconds that a start waits for Redis."""
_COPY_TIMEOUT = 0.3
"""Seconds; a request waits for a copy only while the database is away."""


@dataclass(frozen=True, slots=True)
class Blacklist:
    """A store with its life. `mirror` is the copy in this process.

    `state` tells whether Redis can be reached; None where there is none.
    """

    store: RevocationStore
    mirror: MemoryRevocationStore
    start: Callable[[], Awaitable[None]]
    aclose: Callable[[], Awaitable[None]]
    state: Callable[[], DependencyState] | None = None
    is_fed: Callable[[], bool] | None = None
    """Tells whether news of other gateways come in over the stream in Redis; None where there is none."""
    copying: "Callable[[VaultStore], CopiedVaultStore] | None" = None
    """Puts copies in Redis beside a vault."""


def open_mirror(
    policy: Revocation, log: RevocationLog, clock: Clock, announce: Announce, *, is_shared: bool
) -> MemoryRevocationStore:
    """Prepare the copy in this process. Where nobody else writes to the log, it never grows stale."""
    staleness = policy.max_staleness if is_shared else math.inf
    return MemoryRevocationStore(log, clock, max_staleness=staleness, announce=announce)


def open_memory(mirror: MemoryRevocationStore) -> Blacklist:
    """Let the copy in this process answer alone."""
    return Blacklist(mirror, mirror, start=mirror.start, aclose=mirror.close)


def open_redis(
    url: str, policy: Revocation, mirror: MemoryRevocationStore, log: RevocationLog, clock: Clock
) -> Blacklist:
    """Prepare the shared copy, and the feed that leads from there into the mirror; `start` connects.

    Raises:
        ConfigurationError: the address cannot be used, or the package for it is missing.
    """
    ensure_installed("redis", "hiredis", extra="redis", wanted_by="stores.redis")
    from gateway.stores.redis_address import parse_redis_url
    from gateway.stores.redis_client import connect
    from gateway.stores.revocation_feed import RevocationFeed
    from gateway.stores.revocation_modes import MirroredRevocationStore, StrictRevocationStore
    from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore
    from gateway.stores.vault_copied import CopiedVaultStore
    from gateway.stores.vault_redis import RedisVaultCopies

    address = parse_redis_url(url)
    shared = RedisRevocationStore(address, log, clock, RedisPolicy(also_check=policy.also_check))
    feed = RevocationFeed(address, shared.keys, mirror, clock)

    filling: list[asyncio.Task[None]] = []

    async def start() -> None:
        await mirror.start()
        # An empty Redis takes a while to fill; until then the mirror answers.
        filling.append(asyncio.ensure_future(shared.start()))
        await asyncio.wait(filling, timeout=_LONGEST_START)
        await feed.start()

    async def aclose() -> None:
        await feed.close()
        for task in filling:
            task.cancel()
        await asyncio.gather(*filling, return_exceptions=True)
        await shared.close()
        await mirror.close()

    store: RevocationStore
    if policy.mode == "mirror":
        store = MirroredRevocationStore(shared, mirror)
    else:
        store = StrictRevocationStore(shared, mirror, needs_shared=bool(policy.also_check))

    def copying(vault: VaultStore) -> CopiedVaultStore:
        copies = RedisVaultCopies(connect(address, _COPY_TIMEOUT), shared.keys)
        return CopiedVaultStore(vault, copies, clock, state=lambda: shared.state)

    return Blacklist(
        store,
        mirror,
        start=start,
        aclose=aclose,
        state=lambda: shared.state,
        is_fed=lambda: feed.is_connected,
        copying=copying,
    )

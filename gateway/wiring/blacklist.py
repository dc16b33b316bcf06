"""The fast copy of what was revoked: in this process, or in the Redis that several gateways share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.ports import Clock, RevocationLog, RevocationStore
from gateway.stores.dependency import DependencyState
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.revocation_pair import PairedRevocationStore
from gateway.wiring.extras import ensure_installed


@dataclass(frozen=True, slots=True)
class Blacklist:
    """A store with its life. `state` tells whether it can be reached; None where it lies in this process."""

    store: RevocationStore
    start: Callable[[], Awaitable[None]]
    aclose: Callable[[], Awaitable[None]]
    state: Callable[[], DependencyState] | None = None


def open_memory(log: RevocationLog, clock: Clock) -> Blacklist:
    """Prepare the copy in this process."""
    store = MemoryRevocationStore(log, clock)
    return Blacklist(store, start=store.start, aclose=store.close)


def open_redis(url: str, also_check: Sequence[str], log: RevocationLog, clock: Clock) -> Blacklist:
    """Prepare the shared copy beside the one in this process; `start` connects.

    Raises:
        ConfigurationError: the address cannot be used, or the package for it is missing.
    """
    ensure_installed("redis", "hiredis", extra="redis", wanted_by="stores.redis")
    from gateway.stores.redis_address import parse_redis_url
    from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore

    shared = RedisRevocationStore(parse_redis_url(url), log, clock, RedisPolicy(also_check=tuple(also_check)))
    own = MemoryRevocationStore(log, clock)

    async def start() -> None:
        await own.start()
        await shared.start()

    async def aclose() -> None:
        await shared.close()
        await own.close()

    pair = PairedRevocationStore(shared, own)
    return Blacklist(pair, start=start, aclose=aclose, state=lambda: shared.state)

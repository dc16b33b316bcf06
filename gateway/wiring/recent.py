"""What happened lately, for a minute or so: how often, and which proofs were shown. In this process, or in Redis."""

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack

from gateway.core.dpop import DpopPolicy
from gateway.flow.possession import Possession
from gateway.flow.tickets import LIFE, SKEW, Tickets
from gateway.ports import Facts, ProofReplays, RateLimiter
from gateway.settings.schema.root import Settings
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.stores.replays_memory import MemoryProofReplays
from gateway.wiring.extras import ensure_installed

Environ = Mapping[str, str]


def open_limiter(settings: Settings, environ: Environ, opened: AsyncExitStack) -> RateLimiter:
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


def open_possession(
    settings: Settings, environ: Environ, facts: Facts, opened: AsyncExitStack, nonce_key: bytes = b""
) -> Possession:
    """Prepare checking proofs of possession, where that is switched on. `opened` closes what it uses.

    `nonce_key` is the secret from which all gateways derive their nonces, where the configuration asks for them.

    Raises:
        ConfigurationError: the address of Redis cannot be used, or the package for it is missing.
    """
    if not settings.dpop.enabled:
        return Possession(facts=facts)
    policy = DpopPolicy(
        str(settings.public_url),
        max_age=settings.dpop.max_age,
        leeway=settings.tokens.leeway,
        nonce_key=nonce_key if settings.dpop.nonce else b"",
    )
    return Possession(policy, _open_replays(settings, environ, policy.max_age + policy.leeway, opened), facts)


def open_tickets(settings: Settings, environ: Environ, opened: AsyncExitStack, key: bytes) -> Tickets:
    """Prepare tickets under a key that all gateways share. `opened` closes what they use.

    Raises:
        ConfigurationError: the address of Redis cannot be used, or the package for it is missing.
    """
    return Tickets(key, _open_replays(settings, environ, LIFE + SKEW, opened, kind="ticket"), secrets.token_bytes)


def _open_replays(
    settings: Settings, environ: Environ, life: float, opened: AsyncExitStack, kind: str = "dpop"
) -> ProofReplays:
    redis = settings.stores.redis
    if redis is None:
        return MemoryProofReplays(life)
    ensure_installed("redis", "hiredis", extra="redis", wanted_by="stores.redis")
    from gateway.stores.redis_address import parse_redis_url
    from gateway.stores.replays_redis import RedisProofReplays

    replays = RedisProofReplays(parse_redis_url(redis.read(environ)), life, kind=kind)
    opened.push_async_callback(replays.aclose)
    return replays

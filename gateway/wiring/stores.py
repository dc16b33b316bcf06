"""The durable store, the fast copy of what was revoked, keys and secrets: opened and closed together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.keys.files import KeyPlace, load_keys
from gateway.keys.generated import load_or_generate_key
from gateway.keys.ring import KeyRing, KeyState, RingKey
from gateway.keys.secrets import DerivedKeys, derive_keys, load_master, load_or_generate_master
from gateway.ports import Clock
from gateway.settings.schema.root import Settings
from gateway.settings.schema.stores import Redis
from gateway.stores.phase_sqlite import SqlitePhaseStore
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore
from gateway.stores.revocation_sqlite import SqliteRevocationLog
from gateway.stores.sqlite import Database
from gateway.stores.vault_sqlite import SqliteVaultStore

Environ = Mapping[str, str]
Revocations = MemoryRevocationStore | RedisRevocationStore


@dataclass(frozen=True, slots=True)
class Stores:
    """What was opened."""

    database: Database
    families: SqliteRefreshStore
    vault: SqliteVaultStore
    phase: SqlitePhaseStore
    log: SqliteRevocationLog
    revocation: Revocations

    async def aclose(self) -> None:
        """Close everything; the database last, because the others may still write."""
        await self.revocation.close()
        self.database.close()


def open_stores(settings: Settings, environ: Environ, clock: Clock) -> Stores:
    """Open the embedded database and prepare the blacklist, which `start` fills.

    Raises:
        ConfigurationError: the file, or the address of the Redis, cannot be used.
    """
    redis = settings.stores.redis
    address = parse_redis_url(_url_of(redis, environ)) if redis is not None else None
    database = Database.open(settings.stores.embedded.file)
    log = SqliteRevocationLog(database)
    revocation: Revocations = MemoryRevocationStore(log, clock)
    if address is not None:
        policy = RedisPolicy(also_check=settings.revocation.also_check)
        revocation = RedisRevocationStore(address, log, clock, policy)
    return Stores(
        database=database,
        families=SqliteRefreshStore(database),
        vault=SqliteVaultStore(database),
        phase=SqlitePhaseStore(database),
        log=log,
        revocation=revocation,
    )


def _url_of(redis: Redis, environ: Environ) -> str:
    secret = redis.secret
    return redis.url or "" if secret is None else secret.read(environ).decode("utf-8", "replace")


def open_keys(settings: Settings, environ: Environ) -> KeyRing:
    """Load the signing keys; the embedded mode makes one at its first start.

    Raises:
        ConfigurationError: a key cannot be used.
    """
    return KeyRing(load_ring(settings, environ))


def load_ring(settings: Settings, environ: Environ) -> list[RingKey]:
    """Load the keys for a ring: the first one signs, the others verify.

    Raises:
        ConfigurationError: a key cannot be used.
    """
    algorithm = settings.tokens.algorithm
    if not settings.keys:
        place = beside(settings.stores.embedded.file, "signing-key.pem")
        anywhere = settings.stores.embedded.single_instance
        return [load_or_generate_key(place, algorithm, environ, is_allowed_anywhere=anywhere)]
    states = [KeyState.ACTIVE, *[KeyState.RETIRING] * (len(settings.keys) - 1)]
    places = [
        KeyPlace(algorithm, state, file=secret.file, env=secret.env or "")
        for secret, state in zip(settings.keys, states, strict=True)
    ]
    return list(load_keys(places, environ))


def open_secrets(settings: Settings, environ: Environ) -> DerivedKeys:
    """Load the master secret, which lies outside of the database, and derive the others from it.

    Raises:
        ConfigurationError: it cannot be used.
    """
    secret = settings.stores.secret
    if secret is not None:
        return derive_keys(load_master(environ, env=secret.env or "", file=secret.file))
    place = beside(settings.stores.embedded.file, "secret")
    anywhere = settings.stores.embedded.single_instance
    return derive_keys(load_or_generate_master(place, environ, is_allowed_anywhere=anywhere))


def beside(database: Path, name: str) -> Path:
    """Return the path of a file that belongs to a database: `crossfade.db` → `crossfade.signing-key.pem`."""
    return database.with_name(f"{database.stem}.{name}")

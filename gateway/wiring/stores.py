"""The durable store, the fast copy of what was revoked, keys and secrets: opened and closed together."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.family_ports import RefreshStore
from gateway.key_ports import KeyStore
from gateway.keys.secrets import DerivedKeys, derive_keys, load_master, load_or_generate_master
from gateway.phase_ports import PhaseStore
from gateway.ports import Clock, RevocationLog, RevocationStore, VaultStore
from gateway.settings.schema.root import Settings
from gateway.stores.revocation_memory import Announce
from gateway.wiring.blacklist import Blacklist, open_memory, open_mirror, open_redis
from gateway.wiring.durable import Durable, open_embedded, open_postgres

Environ = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stores:
    """What was opened. The durable stores share one database."""

    families: RefreshStore
    vault: VaultStore
    phase: PhaseStore
    keys: KeyStore
    log: RevocationLog
    blacklist: Blacklist
    durable: Durable

    @property
    def revocation(self) -> RevocationStore:
        """What is asked for every token."""
        return self.blacklist.store

    async def start(self) -> None:
        """See that the database can be worked with, and fill the blacklist.

        Raises:
            DependencyError: the database cannot be reached.
            ConfigurationError: its tables are missing or of a version that we do not know.
        """
        await self.durable.start()
        await self.blacklist.start()


def open_stores(
    settings: Settings, environ: Environ, clock: Clock, opened: AsyncExitStack, announce: Announce
) -> Stores:
    """Open the durable stores and prepare the blacklist; `start` connects them.

    `opened` closes them, the database last, because the blacklist may still read it. `announce` is told what other
    gateways revoked.

    Raises:
        ConfigurationError: the file, or an address, cannot be used.
    """
    redis, postgres = settings.stores.redis, settings.stores.postgres
    durable = open_embedded(settings.stores.embedded) if postgres is None else open_postgres(postgres, environ)
    opened.push_async_callback(durable.aclose)
    mirror = open_mirror(settings.revocation, durable.log, clock, announce, is_shared=postgres is not None)
    if redis is None:
        blacklist = open_memory(mirror)
    else:
        blacklist = open_redis(redis.read(environ), settings.revocation, mirror, durable.log, clock)
    opened.push_async_callback(blacklist.aclose)
    vault = durable.vault
    if postgres is not None and blacklist.copying is not None:
        vault = copied = blacklist.copying(vault)
        opened.push_async_callback(copied.aclose)
    return Stores(durable.families, vault, durable.phase, durable.keys, durable.log, blacklist, durable)


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

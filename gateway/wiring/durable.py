"""The database that must not lose anything: a file of this process, or the PostgreSQL that several gateways share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.family_ports import History, RefreshStore
from gateway.key_ports import KeyStore
from gateway.phase_ports import PhaseStore
from gateway.ports import RevocationLog, VaultStore
from gateway.settings.schema.stores import Embedded, Postgres
from gateway.stores.history_sqlite import SqliteHistory
from gateway.stores.keys_sqlite import SqliteKeyStore
from gateway.stores.phase_sqlite import SqlitePhaseStore
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.revocation_sqlite import SqliteRevocationLog
from gateway.stores.sqlite import Database
from gateway.stores.vault_sqlite import SqliteVaultStore
from gateway.wiring.extras import ensure_installed

if TYPE_CHECKING:
    from gateway.stores.postgres_connection import PostgresPolicy
    from gateway.stores.postgres_migrations import Migrations


@dataclass(frozen=True, slots=True)
class Durable:
    """The stores of one database. `start` raises StartError where it cannot be worked with."""

    families: RefreshStore
    vault: VaultStore
    phase: PhaseStore
    keys: KeyStore
    log: RevocationLog
    history: History
    start: Callable[[], Awaitable[None]]
    aclose: Callable[[], Awaitable[None]]


def open_embedded(embedded: Embedded) -> Durable:
    """Open the file, or make it.

    Raises:
        ConfigurationError: it cannot be used.
    """
    database = Database.open(embedded.file)

    async def start() -> None:
        """Do nothing: the file was made ready when it was opened."""

    async def aclose() -> None:
        database.close()

    return Durable(
        families=SqliteRefreshStore(database),
        vault=SqliteVaultStore(database),
        phase=SqlitePhaseStore(database),
        keys=SqliteKeyStore(database),
        log=SqliteRevocationLog(database),
        history=SqliteHistory(database),
        start=start,
        aclose=aclose,
    )


def open_postgres(postgres: Postgres, environ: Mapping[str, str]) -> Durable:
    """Prepare the stores; nothing is connected before `start`, which refuses tables of a version that we do not know.

    Raises:
        ConfigurationError: the address, or the package for it, is missing.
    """
    ensure_installed("asyncpg", extra="postgres", wanted_by="stores.postgres")
    from gateway.stores.history_postgres import PostgresHistory
    from gateway.stores.keys_postgres import PostgresKeyStore
    from gateway.stores.phase_postgres import PostgresPhaseStore
    from gateway.stores.postgres import PostgresDatabase
    from gateway.stores.refresh_postgres import PostgresRefreshStore
    from gateway.stores.revocation_postgres import PostgresRevocationLog
    from gateway.stores.vault_postgres import PostgresVaultStore

    database = PostgresDatabase(parse_postgres_url(postgres.read(environ)), _policy_of(postgres))
    return Durable(
        families=PostgresRefreshStore(database),
        vault=PostgresVaultStore(database),
        phase=PostgresPhaseStore(database),
        keys=PostgresKeyStore(database),
        log=PostgresRevocationLog(database),
        history=PostgresHistory(database),
        start=open_migrations(postgres, environ).ensure_usable,
        aclose=database.aclose,
    )


def open_migrations(postgres: Postgres, environ: Mapping[str, str]) -> "Migrations":
    """Prepare looking at the tables and changing them.

    Raises:
        ConfigurationError: the address, or the package for it, is missing.
    """
    ensure_installed("asyncpg", extra="postgres", wanted_by="stores.postgres")
    from gateway.stores.postgres_migrations import Migrations

    return Migrations(parse_postgres_url(postgres.read(environ)), _policy_of(postgres))


def _policy_of(postgres: Postgres) -> "PostgresPolicy":
    from gateway.stores.postgres_connection import PostgresPolicy

    return PostgresPolicy(connections=postgres.connections, has_statement_cache=postgres.statement_cache == "on")

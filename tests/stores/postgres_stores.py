"""An empty PostgreSQL with our tables for each test, and the stores over it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.postgres_migrations import read_migration
from gateway.stores.refresh_postgres import PostgresRefreshStore
from gateway.stores.revocation_postgres import PostgresRevocationLog
from gateway.stores.vault_postgres import PostgresVaultStore
from tests.servers_postgres import PostgresServer
from tests.stores.conformance_refresh import Stores

TABLES = (
    "refresh_tokens",
    "crossfade_vault",
    "crossfade_families",
    "crossfade_barred_sessions",
    "crossfade_barred_subjects",
    "crossfade_logins",
    "crossfade_revocations",
    "crossfade_phases",
    "crossfade_keys",
    "crossfade_audit",
)
UP = read_migration("002_add_refresh_tokens.sql")
DOWN = read_migration("rollback/002_rollback.sql")
QUICK = PostgresPolicy(connections=4, patience=1.0, connect_timeout=0.5, statement_timeout=0.8, lock_timeout=0.2)


async def connect(server: PostgresServer) -> asyncpg.Connection:
    """A connection that is no gateway's."""
    return await asyncpg.connect(server.url)


@asynccontextmanager
async def emptied(server: PostgresServer) -> AsyncIterator[None]:
    """Our tables without a row, the sequence at zero."""
    connection = await connect(server)
    try:
        await connection.execute(UP)
        await connection.execute("; ".join(f"DELETE FROM {table}" for table in TABLES))
        await connection.execute("UPDATE crossfade_revocation_counter SET sequence = 0")
        yield
    finally:
        await connection.close()


@asynccontextmanager
async def opened(server: PostgresServer, policy: PostgresPolicy | None = None) -> AsyncIterator[PostgresDatabase]:
    """A database as one gateway has it."""
    database = PostgresDatabase(parse_postgres_url(server.url), policy)
    try:
        yield database
    finally:
        await database.aclose()


def stores_of(database: PostgresDatabase) -> Stores:
    """The stores of one gateway. Tests say what time it is, for the age of tokens too."""
    families = PostgresRefreshStore(database, measures_age=False)
    return Stores(families, PostgresVaultStore(database), PostgresRevocationLog(database))


async def tell(database: PostgresDatabase, statement: str, *arguments: object) -> object:
    """Carry out one statement in a transaction of the gateway's, and return its first value."""

    async def work(connection: Connection) -> object:
        return await connection.fetchval(statement, *arguments)

    return await database.run(work)

"""Where the token flow of a test keeps its truth: in memory, in a SQLite file, in a real PostgreSQL."""

from pathlib import Path
from typing import NamedTuple, Protocol

import asyncpg

from gateway.family_ports import RefreshStore
from gateway.ports import RevocationLog, VaultStore
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.postgres_connection import PostgresPolicy
from gateway.stores.refresh_memory import MemoryRefreshStore
from gateway.stores.refresh_postgres import PostgresRefreshStore
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.revocation_postgres import PostgresRevocationLog
from gateway.stores.revocation_sqlite import SqliteRevocationLog
from gateway.stores.sqlite import Database
from gateway.stores.vault_memory import MemoryVaultStore
from gateway.stores.vault_postgres import PostgresVaultStore
from gateway.stores.vault_sqlite import SqliteVaultStore
from tests.servers_postgres import PostgresServer
from tests.stores.postgres_stores import TABLES, UP


class Kept(NamedTuple):
    """The stores of one place, which share their transactions."""

    families: RefreshStore
    vault: VaultStore
    log: RevocationLog


class Place(Protocol):
    """A place that can be opened empty and lost in between."""

    async def open(self) -> Kept:
        """Open it without a row."""
        ...

    async def reopen(self) -> Kept:
        """Open it again after the process that had it is gone."""
        ...

    async def count_leaves(self, now: float) -> dict[str, int]:
        """Return how many unspent tokens each family has that lives; nothing where there is no way to look."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...


class InMemory:
    """The fake: it cannot be lost, only looked at by a new process."""

    async def open(self) -> Kept:
        log, vault = MemoryRevocationLog(), MemoryVaultStore()
        self._kept = Kept(MemoryRefreshStore(log, vault), vault, log)
        return self._kept

    async def reopen(self) -> Kept:
        return self._kept

    async def count_leaves(self, now: float) -> dict[str, int]:
        return {}

    async def close(self) -> None: ...


LEAVES = (
    "SELECT f.id, count(t.family_id) FROM {families} f "
    "LEFT JOIN refresh_tokens t ON t.family_id = f.id AND t.used_at IS NULL "
    "WHERE f.ended_at IS NULL AND f.absolute_expires_at > {now} GROUP BY f.id"
)


class InFile:
    """A SQLite file in `folder`, a new one each time it is opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    async def open(self) -> Kept:
        self._number += 1
        return self._open()

    async def reopen(self) -> Kept:
        self._database.close()
        return self._open()

    async def count_leaves(self, now: float) -> dict[str, int]:
        statement = LEAVES.format(families="families", now=now)
        return dict(await self._database.run(lambda connection: connection.execute(statement).fetchall()))

    async def close(self) -> None:
        self._database.close()
        (self._folder / f"{self._number}.db").unlink()

    def _open(self) -> Kept:
        self._database = database = Database.open(self._folder / f"{self._number}.db")
        return Kept(SqliteRefreshStore(database), SqliteVaultStore(database), SqliteRevocationLog(database))


class OnServer:
    """A real PostgreSQL, emptied each time; when it is lost, the server ends all of its connections."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def open(self) -> Kept:
        self._observer = await asyncpg.connect(self._server.url)
        await self._observer.execute(UP)
        await self._observer.execute("; ".join(f"DELETE FROM {table}" for table in TABLES))
        return self._open()

    async def reopen(self) -> Kept:
        await self._observer.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'crossfade'"
        )
        await self._database.aclose()
        return self._open()

    async def count_leaves(self, now: float) -> dict[str, int]:
        return dict(await self._observer.fetch(LEAVES.format(families="crossfade_families", now=now)))

    async def close(self) -> None:
        await self._database.aclose()
        await self._observer.close()

    def _open(self) -> Kept:
        self._database = database = PostgresDatabase(
            parse_postgres_url(self._server.url), PostgresPolicy(connections=2, patience=10.0)
        )
        families = PostgresRefreshStore(database, measures_age=False)  # the model's time is not the server's
        return Kept(families, PostgresVaultStore(database), PostgresRevocationLog(database))

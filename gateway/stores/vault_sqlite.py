"""The VaultStore of the embedded mode. The database never has the key of what it keeps here."""

import sqlite3

from gateway.errors import VaultUnavailable
from gateway.records import SealedSession
from gateway.stores.sqlite import Database


class SqliteVaultStore:
    """Sealed sessions in the embedded database, deleted in the transaction that ends their family."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, session_id: str) -> SealedSession | None:
        """Return the entry, or None when the family has ended or never had one.

        Raises:
            VaultUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> SealedSession | None:
            row = connection.execute(
                "SELECT session_id, key_id, sealed, version, expires_at FROM vault WHERE session_id = ?",
                (session_id,),
            ).fetchone()
            return None if row is None else SealedSession(*row)

        return await self._database.run(work, unavailable=VaultUnavailable)

    async def replace(self, entry: SealedSession, *, expected_version: int) -> bool:
        """Compare-and-set on the version. False when another write came first or the family has ended.

        Raises:
            VaultUnavailable: the database cannot be written.
        """

        def work(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                "UPDATE vault SET key_id = ?, sealed = ?, version = ?, expires_at = ? "
                "WHERE session_id = ? AND version = ?",
                (entry.key_id, entry.sealed, entry.version, entry.expires_at, entry.session_id, expected_version),
            )
            return cursor.rowcount == 1

        return await self._database.run(work, unavailable=VaultUnavailable)

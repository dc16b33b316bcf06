"""The VaultStore in PostgreSQL, which never has the key of what it keeps here."""

from gateway.errors import VaultUnavailable
from gateway.records import SealedSession
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection


class PostgresVaultStore:
    """Sealed sessions, deleted in the transaction that ends their family."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def fetch(self, session_id: str) -> SealedSession | None:
        """Return the entry, or None when the family has ended or never had one.

        Raises:
            VaultUnavailable: the database cannot be read.
        """

        async def work(connection: Connection) -> SealedSession | None:
            row = await connection.fetchrow(
                "SELECT session_id, key_id, sealed, version, expires_at FROM crossfade_vault WHERE session_id = $1",
                session_id,
            )
            return None if row is None else SealedSession(*row)  # type: ignore[arg-type]  # in the order of the fields

        return await self._database.read(work, unavailable=VaultUnavailable)

    async def replace(self, entry: SealedSession, *, expected_version: int) -> bool:
        """Compare-and-set on the version. False when another write came first or the family has ended.

        Raises:
            VaultUnavailable: the database cannot be written.
        """

        async def work(connection: Connection) -> bool:
            tag = await connection.execute(
                "UPDATE crossfade_vault SET key_id = $1, sealed = $2, version = $3, expires_at = $4 "
                "WHERE session_id = $5 AND version = $6",
                entry.key_id,
                entry.sealed,
                entry.version,
                entry.expires_at,
                entry.session_id,
                expected_version,
            )
            return tag == "UPDATE 1"

        return await self._database.run(work, unavailable=VaultUnavailable)

"""The KeyStore in PostgreSQL: all gateways see the same keys, and change them one after the other."""

from collections.abc import Sequence

from gateway.records import DecideKeys, KeyRecord
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection

_READ = (
    "SELECT kid, algorithm, published_at, signs_from, compromised_at, sealed FROM crossfade_keys "
    "ORDER BY published_at, kid"
)
_WRITE = (
    "INSERT INTO crossfade_keys (kid, algorithm, published_at, signs_from, compromised_at, sealed) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kid) DO UPDATE SET algorithm = excluded.algorithm, "
    "published_at = excluded.published_at, signs_from = excluded.signs_from, "
    "compromised_at = excluded.compromised_at, sealed = excluded.sealed"
)


class PostgresKeyStore:
    """Records of signing keys that several gateways share."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def read(self) -> Sequence[KeyRecord]:
        """Return all records, in the order of their publication.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        return await self._database.run(_read)

    async def change(self, decide: DecideKeys) -> Sequence[KeyRecord]:
        """Let `decide` choose what becomes of the records, in one transaction; returns them as they are then.

        Raises:
            StoreUnavailable: the database cannot be written; nothing was changed.
        """

        async def work(connection: Connection) -> Sequence[KeyRecord]:
            # Readers go on; of two gateways that would each make the next key, the second finds it made.
            await connection.execute("LOCK TABLE crossfade_keys IN SHARE ROW EXCLUSIVE MODE")
            change = decide(await _read(connection))
            if change.delete:
                await connection.execute("DELETE FROM crossfade_keys WHERE kid = ANY($1::text[])", list(change.delete))
            for row in change.write:
                await connection.execute(
                    _WRITE, row.kid, row.algorithm, row.published_at, row.signs_from, row.compromised_at, row.sealed
                )
            if change.what:
                entry = AuditEntry(change.time, change.by, change.what, reason=change.reason)
                await write_entries(connection, [entry])
            return await _read(connection)

        return await self._database.run(work)


async def _read(connection: Connection) -> list[KeyRecord]:
    rows = await connection.fetch(_READ)
    return [KeyRecord(*row) for row in rows]  # type: ignore[arg-type]  # in the order of the fields

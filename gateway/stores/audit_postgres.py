"""The audit trail in PostgreSQL, written in the transaction that did what it tells."""

from collections.abc import Sequence

from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection

_NEWEST = "SELECT at, who, what, family_id, reason FROM crossfade_audit"


async def write_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Add entries to the transaction under way."""
    await connection.execute(
        "INSERT INTO crossfade_audit (at, who, what, family_id, reason) "
        "SELECT * FROM unnest($1::float8[], $2::text[], $3::text[], $4::text[], $5::text[])",
        [entry.at for entry in entries],
        [entry.who for entry in entries],
        [entry.what for entry in entries],
        [entry.family_id for entry in entries],
        [entry.reason for entry in entries],
    )


class PostgresAuditTrail:
    """Reads the trail."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def newest(self, limit: int, *, family_id: str = "", who: str = "") -> Sequence[AuditEntry]:
        """Return the newest entries first, of one family or one subject where they are named.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        named = {"family_id": family_id, "who": who}
        given = [(column, value) for column, value in named.items() if value]
        where = " AND ".join(f"{column} = ${number}" for number, (column, _) in enumerate(given, 2)) or "true"
        # The condition repeats that of the partial index.
        where += " AND family_id <> ''" if family_id else ""

        async def work(connection: Connection) -> Sequence[AuditEntry]:
            rows = await connection.fetch(
                f"{_NEWEST} WHERE {where} ORDER BY id DESC LIMIT $1", limit, *(value for _, value in given)
            )
            return [AuditEntry(*row) for row in rows]  # type: ignore[arg-type]  # in the order of the fields

        return await self._database.run(work)

"""What is known of the families of a user, in PostgreSQL."""

from collections.abc import Sequence

from gateway.records import AuditEntry, Family
from gateway.stores.families_postgres import find_families
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection

_FAMILIES = (
    "id = $2 OR ($1 <> '' AND id IN "
    "(SELECT id FROM crossfade_families WHERE subject = $1 ORDER BY created_at DESC LIMIT $3))"
)
# Two statements that an index serves instead of one with OR; an entry that both find comes once.
_ENTRIES = (
    "SELECT at, who, what, family_id, reason FROM ("
    "(SELECT * FROM crossfade_audit WHERE who = $1 AND $1 <> '' ORDER BY id DESC LIMIT $3) UNION "
    "(SELECT * FROM crossfade_audit WHERE family_id = ANY ($2) AND family_id <> '' ORDER BY id DESC LIMIT $3)"
    ") entry ORDER BY id DESC LIMIT $3"
)


class PostgresHistory:
    """Reads families, ended ones included, and the trail."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def of(self, *, subject: str, family_id: str, limit: int) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
        """Return the families of a subject or of one id, and the newest `limit` entries about them.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        async def work(connection: Connection) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
            families = await find_families(connection, _FAMILIES, subject, family_id, limit)
            ids = [family.id for family in families] or [family_id]
            rows = await connection.fetch(_ENTRIES, subject, ids, limit)
            return families, [AuditEntry(*row) for row in rows]  # type: ignore[arg-type]  # in the order of the fields

        return await self._database.run(work)

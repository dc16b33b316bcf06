"""What is known of the families of a user, in the embedded database."""

import sqlite3
from collections.abc import Sequence

import orjson

from gateway.records import AuditEntry, Family
from gateway.stores.families_sqlite import find_families
from gateway.stores.sqlite import Database

_FAMILIES = "(f.subject = :subject AND :subject <> '') OR f.id = :family_id"
_ENTRIES = (
    "SELECT at, who, what, family_id, reason FROM audit WHERE (who = :subject AND :subject <> '') "
    "OR (family_id IN (SELECT value FROM json_each(:ids)) AND family_id <> '') ORDER BY id DESC LIMIT :limit"
)


class SqliteHistory:
    """Reads families, ended ones included, and the trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, *, subject: str, family_id: str, limit: int) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
        """Return the families of a subject or of one id, and the newest `limit` entries about them.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
            families = find_families(connection, _FAMILIES, {"subject": subject, "family_id": family_id})[-limit:]
            ids = [family.id for family in families] or [family_id]
            rows = connection.execute(_ENTRIES, {"subject": subject, "ids": orjson.dumps(ids).decode(), "limit": limit})
            return families, [AuditEntry(*row) for row in rows]

        return await self._database.run(work)

"""The audit trail: who did what to which family, written in the transaction that did it. It holds no token."""

import sqlite3
from collections.abc import Sequence

from gateway.records import AuditEntry
from gateway.stores.sqlite import Database

__all__ = ["AuditEntry", "SqliteAuditTrail", "write_entry"]

_COLUMNS = "at, who, what, family_id, reason"


def write_entry(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    """Add an entry to the transaction under way."""
    connection.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - constant columns
        (entry.at, entry.who, entry.what, entry.family_id, entry.reason),
    )


class SqliteAuditTrail:
    """Reads the trail of the embedded database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, limit: int, *, family_id: str = "") -> Sequence[AuditEntry]:
        """Return the newest entries first, of one family where one is named.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> Sequence[AuditEntry]:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM audit WHERE ? IN ('', family_id) ORDER BY id DESC LIMIT ?",  # noqa: S608
                (family_id, limit),
            )
            return [AuditEntry(*row) for row in rows]

        return await self._database.run(work)

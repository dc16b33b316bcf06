"""The KeyStore of the embedded mode."""

import sqlite3
from collections.abc import Sequence

from gateway.records import DecideKeys, KeyRecord
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.sqlite import Database

_COLUMNS = "kid, algorithm, published_at, signs_from, compromised_at, sealed"


class SqliteKeyStore:
    """Records of signing keys in the embedded database."""

    def __init__(self, database: Database) -> None:
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

        def work(connection: sqlite3.Connection) -> Sequence[KeyRecord]:
            change = decide(_read(connection))
            connection.executemany("DELETE FROM keys WHERE kid = ?", [(kid,) for kid in change.delete])
            connection.executemany(
                f"INSERT OR REPLACE INTO keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant columns
                [
                    (row.kid, row.algorithm, row.published_at, row.signs_from, row.compromised_at, row.sealed)
                    for row in change.write
                ],
            )
            if change.what:
                write_entry(connection, AuditEntry(change.time, change.by, change.what, reason=change.reason))
            return _read(connection)

        return await self._database.run(work)


def _read(connection: sqlite3.Connection) -> list[KeyRecord]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY published_at, kid")  # noqa: S608
    return [KeyRecord(*row) for row in rows]

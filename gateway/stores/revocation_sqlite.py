"""The truth of all revocations in the embedded database, numbered by one sequence."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.model import Revocation, RevocationKind
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.sqlite import Database

_KINDS = {kind.value: kind for kind in RevocationKind}


def record_revocation(connection: sqlite3.Connection, revocation: Revocation) -> Revocation:
    """Add a revocation to the transaction under way; return it with its sequence number."""
    cursor = connection.execute(
        "INSERT INTO revocations (kind, name, expires_at, reason) VALUES (?, ?, ?, ?)",
        (revocation.kind, revocation.name, revocation.expires_at, revocation.reason),
    )
    assert cursor.lastrowid is not None
    return replace(revocation, sequence=cursor.lastrowid)


class SqliteRevocationLog:
    """The RevocationLog of the embedded mode."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, revocations: Sequence[Revocation], now: float, family_id: str = "") -> Sequence[Revocation]:
        """Record and return them with their sequence numbers.

        Raises:
            StoreUnavailable: nothing was recorded.
        """

        def work(connection: sqlite3.Connection) -> Sequence[Revocation]:
            return list(_record_all(connection, revocations, now, family_id))

        return await self._database.run(work)

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        """Return what has not expired and has a sequence above `after`, in order, at most `limit` of them.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> Sequence[Revocation]:
            rows = connection.execute(
                "SELECT kind, name, expires_at, reason, sequence FROM revocations "
                "WHERE sequence > ? AND expires_at > ? ORDER BY sequence LIMIT ?",
                (after, now, -1 if limit is None else limit),
            )
            return [Revocation(_KINDS[kind], *rest) for kind, *rest in rows]

        return await self._database.run(work)

    async def sequence(self) -> int:
        """Return the newest sequence number, 0 before the first.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        return await self._database.run(_sequence)


def _record_all(
    connection: sqlite3.Connection, revocations: Iterable[Revocation], now: float, family_id: str
) -> Iterable[Revocation]:
    for revocation in revocations:
        concerned = revocation.name if revocation.kind is RevocationKind.FAMILY else family_id
        who = revocation.name if revocation.kind is RevocationKind.SUBJECT else ""
        write_entry(connection, AuditEntry(now, who, "revoked", concerned, revocation.reason))
        yield record_revocation(connection, revocation)


def _sequence(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'revocations'").fetchone()
    return int(row[0]) if row else 0

"""The PhaseStore of the embedded mode: every change is kept, the newest one holds."""

import sqlite3
from collections.abc import Mapping, Sequence

from gateway.errors import StoreUnavailable
from gateway.model import Phase
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.sqlite import Database


class SqlitePhaseStore:
    """Phases in the embedded database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Phase | None:
        """Return the stored phase, or None when none was ever stored.

        Raises:
            StoreUnavailable: the database cannot be read, or a newer version stored a phase that we do not know.
        """

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT phase FROM phases ORDER BY id DESC LIMIT 1").fetchone()
            return None if row is None else str(row[0])

        stored = await self._database.run(work)
        try:
            return None if stored is None else Phase(stored)
        except ValueError as error:
            raise StoreUnavailable("The stored phase is not known to this version.") from error

    async def write(self, phase: Phase, *, by: str, reason: str, now: float) -> None:
        """Store a phase with who and why.

        Raises:
            StoreUnavailable: the database cannot be written.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO phases (phase, changed_by, reason, changed_at) VALUES (?, ?, ?, ?)",
                (phase, by, reason, now),
            )
            write_entry(connection, AuditEntry(now, by, "phase_changed", reason=f"{phase}: {reason}"))

        await self._database.run(work)

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, by, reason, at.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> Sequence[Mapping[str, object]]:
            rows = connection.execute(
                "SELECT phase, changed_by, reason, changed_at FROM phases ORDER BY id DESC LIMIT ?", (limit,)
            )
            return [
                {"phase": phase, "by": by, "reason": reason, "at": changed_at} for phase, by, reason, changed_at in rows
            ]

        return await self._database.run(work)

"""The PhaseStore in PostgreSQL: every change is kept, the newest one holds for all gateways."""

from collections.abc import Mapping, Sequence

from gateway.errors import StoreUnavailable
from gateway.model import Phase
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection


class PostgresPhaseStore:
    """Phases that several gateways share."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def read(self) -> Phase | None:
        """Return the stored phase, or None when none was ever stored.

        Raises:
            StoreUnavailable: the database cannot be read, or a newer version stored a phase that we do not know.
        """

        async def work(connection: Connection) -> object:
            return await connection.fetchval("SELECT phase FROM crossfade_phases ORDER BY id DESC LIMIT 1")

        stored = await self._database.run(work)
        try:
            return None if stored is None else Phase(str(stored))
        except ValueError as error:
            raise StoreUnavailable("The stored phase is not known to this version.") from error

    async def write(self, phase: Phase, *, by: str, reason: str, now: float) -> None:
        """Store a phase with who and why.

        Raises:
            StoreUnavailable: the database cannot be written.
        """

        async def work(connection: Connection) -> None:
            # Identities are drawn before the commit: of two writers at once, the later one shall have the higher.
            await connection.execute("LOCK TABLE crossfade_phases IN SHARE ROW EXCLUSIVE MODE")
            await connection.execute(
                "INSERT INTO crossfade_phases (phase, changed_by, reason, changed_at) VALUES ($1, $2, $3, $4)",
                phase.value,
                by,
                reason,
                now,
            )
            await write_entries(connection, [AuditEntry(now, by, "phase_changed", reason=f"{phase}: {reason}")])

        await self._database.run(work)

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, by, reason, at.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        async def work(connection: Connection) -> Sequence[Mapping[str, object]]:
            rows = await connection.fetch(
                "SELECT phase, changed_by, reason, changed_at FROM crossfade_phases ORDER BY id DESC LIMIT $1", limit
            )
            return [
                {"phase": phase, "by": by, "reason": reason, "at": changed_at} for phase, by, reason, changed_at in rows
            ]

        return await self._database.run(work)

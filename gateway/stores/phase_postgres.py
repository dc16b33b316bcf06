"""The PhaseStore in PostgreSQL: every change is kept, the newest one holds for all gateways."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.phases import Stage
from gateway.errors import StoreUnavailable
from gateway.model import Phase
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.phase_sqlite import HISTORY, told
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection

_WRITE = """
    INSERT INTO crossfade_phases (phase, changed_by, reason, changed_at, rollout, is_paused, began_at)
    SELECT $1, $2, $3, $4, $5, $6, coalesce((
        SELECT began_at FROM (SELECT phase, began_at FROM crossfade_phases ORDER BY id DESC LIMIT 1) AS newest
        WHERE newest.phase = $1
    ), $4)
"""


class PostgresPhaseStore:
    """Phases that several gateways share."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def read(self) -> Stage | None:
        """Return the stored stage, or None when none was ever stored.

        Raises:
            StoreUnavailable: the database cannot be read, or a newer version stored a phase that we do not know.
        """

        async def work(connection: Connection) -> Sequence[Any] | None:
            return await connection.fetchrow(
                "SELECT phase, rollout, is_paused, began_at FROM crossfade_phases ORDER BY id DESC LIMIT 1"
            )

        stored = await self._database.run(work)
        if stored is None:
            return None
        phase, rollout, is_paused, began_at = stored
        try:
            return Stage(Phase(phase), rollout, is_paused, began_at)
        except ValueError as error:
            raise StoreUnavailable("The stored phase is not known to this version.") from error

    async def write(self, stage: Stage, *, by: str, reason: str, now: float) -> None:
        """Store a stage with who and why.

        Raises:
            StoreUnavailable: the database cannot be written.
        """

        async def work(connection: Connection) -> None:
            # Identities are drawn before the commit: of two writers at once, the later one shall have the higher.
            await connection.execute("LOCK TABLE crossfade_phases IN SHARE ROW EXCLUSIVE MODE")
            await connection.execute(_WRITE, stage.phase.value, by, reason, now, stage.rollout, stage.is_paused)
            await write_entries(connection, [AuditEntry(now, by, "phase_changed", reason=told(stage, reason))])

        await self._database.run(work)

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, rollout, is_paused, by, reason, at.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        async def work(connection: Connection) -> Sequence[Mapping[str, object]]:
            rows = await connection.fetch(
                "SELECT phase, rollout, is_paused, changed_by, reason, changed_at FROM crossfade_phases "
                "ORDER BY id DESC LIMIT $1",
                limit,
            )
            return [dict(zip(HISTORY, row, strict=True)) for row in rows]

        return await self._database.run(work)

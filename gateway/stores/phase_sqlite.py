"""The PhaseStore of the embedded mode: every change is kept, the newest one holds."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.phases import Stage
from gateway.errors import StoreUnavailable
from gateway.model import Phase
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.sqlite import Database

HISTORY = ("phase", "rollout", "is_paused", "by", "reason", "at")
_WRITE = """
    INSERT INTO phases (phase, changed_by, reason, changed_at, rollout, is_paused, began_at)
    VALUES (?, ?, ?, ?, ?, ?, coalesce((
        SELECT began_at FROM (SELECT phase, began_at FROM phases ORDER BY id DESC LIMIT 1) AS newest
        WHERE newest.phase = ?
    ), ?))
"""


def told(stage: Stage, reason: str) -> str:
    """Return a change of the stage as the trail tells it."""
    part = "" if stage.rollout == 100 else f" for {stage.rollout:g}%"
    return f"{stage.phase}{part}{', paused' if stage.is_paused else ''}: {reason}"


class SqlitePhaseStore:
    """Phases in the embedded database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Stage | None:
        """Return the stored stage, or None when none was ever stored.

        Raises:
            StoreUnavailable: the database cannot be read, or a newer version stored a phase that we do not know.
        """

        def work(connection: sqlite3.Connection) -> Any:
            return connection.execute(
                "SELECT phase, rollout, is_paused, began_at FROM phases ORDER BY id DESC LIMIT 1"
            ).fetchone()

        stored = await self._database.run(work)
        if stored is None:
            return None
        phase, rollout, is_paused, began_at = stored
        try:
            return Stage(Phase(phase), rollout, bool(is_paused), began_at)
        except ValueError as error:
            raise StoreUnavailable("The stored phase is not known to this version.") from error

    async def write(self, stage: Stage, *, by: str, reason: str, now: float) -> None:
        """Store a stage with who and why.

        Raises:
            StoreUnavailable: the database cannot be written.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_WRITE, (stage.phase, by, reason, now, stage.rollout, stage.is_paused, stage.phase, now))
            write_entry(connection, AuditEntry(now, by, "phase_changed", reason=told(stage, reason)))

        await self._database.run(work)

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, rollout, is_paused, by, reason, at.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        def work(connection: sqlite3.Connection) -> Sequence[Mapping[str, object]]:
            rows = connection.execute(
                "SELECT phase, rollout, is_paused, changed_by, reason, changed_at FROM phases ORDER BY id DESC LIMIT ?",
                (limit,),
            )
            return [
                dict(zip(HISTORY, (phase, rollout, bool(is_paused), *rest), strict=True))
                for phase, rollout, is_paused, *rest in rows
            ]

        return await self._database.run(work)

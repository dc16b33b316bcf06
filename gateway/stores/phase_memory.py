"""A PhaseStore that lasts as long as its process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.core.phases import Stage


class MemoryPhaseStore:
    """Every change is kept, the newest one holds."""

    def __init__(self) -> None:
        self._changes: list[Mapping[str, object]] = []
        self._stage: Stage | None = None

    async def read(self) -> Stage | None:
        """Return the stored stage, or None when none was ever stored."""
        return self._stage

    async def write(self, stage: Stage, *, by: str, reason: str, now: float) -> None:
        """Store a stage with who and why."""
        before = self._stage
        goes_on = before is not None and before.phase is stage.phase
        self._stage = replace(stage, since=before.since if before is not None and goes_on else now)
        self._changes.append(
            {
                "phase": stage.phase.value,
                "rollout": stage.rollout,
                "is_paused": stage.is_paused,
                "by": by,
                "reason": reason,
                "at": now,
            }
        )

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, rollout, is_paused, by, reason, at."""
        return self._changes[: -limit - 1 : -1]

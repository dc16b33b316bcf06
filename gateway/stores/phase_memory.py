"""A PhaseStore that lasts as long as its process."""

from collections.abc import Mapping, Sequence

from gateway.model import Phase


class MemoryPhaseStore:
    """Every change is kept, the newest one holds."""

    def __init__(self) -> None:
        self._changes: list[Mapping[str, object]] = []
        self._phase: Phase | None = None

    async def read(self) -> Phase | None:
        """Return the stored phase, or None when none was ever stored."""
        return self._phase

    async def write(self, phase: Phase, *, by: str, reason: str, now: float) -> None:
        """Store a phase with who and why."""
        self._phase = phase
        self._changes.append({"phase": phase.value, "by": by, "reason": reason, "at": now})

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, by, reason, at."""
        return self._changes[: -limit - 1 : -1]

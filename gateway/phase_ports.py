"""Where the phase of the migration is kept, as a Protocol. What `ports` says of coroutines and times holds here too."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model import Phase


class PhaseStore(Protocol):
    """The phase that an operator chose, where it is stored durably. Raises StoreUnavailable."""

    async def read(self) -> Phase | None:
        """Return the stored phase, or None when none was ever stored."""
        ...

    async def write(self, phase: Phase, *, by: str, reason: str, now: float) -> None:
        """Store a phase with who and why."""
        ...

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, by, reason, at."""
        ...

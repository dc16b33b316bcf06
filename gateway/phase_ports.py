"""Where the phase of the migration is kept, as a Protocol. What `ports` says of coroutines and times holds here too."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.core.phases import Stage


class PhaseStore(Protocol):
    """The stage that an operator chose, where it is stored durably. Raises StoreUnavailable."""

    async def read(self) -> Stage | None:
        """Return the stored stage, or None when none was ever stored."""
        ...

    async def write(self, stage: Stage, *, by: str, reason: str, now: float) -> None:
        """Store a stage with who and why. Its phase began `now`, unless it is the one that is stored already."""
        ...

    async def history(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return the newest changes first: phase, rollout (percent), is_paused, by, reason, at."""
        ...

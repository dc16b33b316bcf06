"""Rates as one process counts them."""

from collections.abc import Sequence

from gateway.core.rates import Charge, take

_MOST = 100_000
"""Names that are remembered; one costs about 200 bytes."""


class MemoryRateLimiter:
    """Keeps one number for each name. Two generations: a name that was not charged for one of them is forgotten.

    Under a flood of names an old one may be forgotten too early, which lets more through, never less.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._half = max(1, most // 2)
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    async def take(self, charges: Sequence[Charge], now: float) -> float:
        """Take one of each and return 0.0; or take none and return how many seconds to wait."""
        before = [self._find(charge.name) for charge in charges]
        taken = [take(charge.rate, paid_at, now) for charge, paid_at in zip(charges, before, strict=True)]
        wait = max((wait for _, wait in taken), default=0.0)
        # Who is refused is remembered as it was, so that asking on and on does not make it forgotten.
        kept = before if wait else [paid_at for paid_at, _ in taken]
        for charge, paid_at in zip(charges, kept, strict=True):
            self._keep(charge.name, paid_at)
        return wait

    def _find(self, name: str) -> float:
        return self._young.get(name) or self._old.get(name, 0.0)

    def _keep(self, name: str, paid_at: float) -> None:
        self._young[name] = paid_at
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

"""What was worked out lately, found again by its key; bounded in bytes."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """A map of two generations: what was not used for one whole generation is forgotten at once.

    Cheaper than an ordered eviction, and nothing depends on what is kept: a miss works it out again.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes, for both generations together."""
        self._half = limit // 2
        self._young: dict[Hashable, tuple[T, int]] = {}
        self._old: dict[Hashable, tuple[T, int]] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, key: Hashable) -> T | None:
        """Return what is kept under the key."""
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.pop(key, None)
            if kept is None:
                return None
            self.keep(key, *kept)
        return kept[0]

    def keep(self, key: Hashable, value: T, weight: int) -> None:
        """Remember a value; `weight` is what it costs in bytes, its key included."""
        self._young[key] = value, weight
        self._weight += weight
        if self._weight > self._half:
            self._old, self._young, self._weight = self._young, {}, 0

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._weight = {}, {}, 0

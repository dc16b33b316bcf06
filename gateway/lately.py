"""What was worked out lately, found again by its key; bounded in bytes."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(dict[Hashable, T | None], Generic[T]):
    """A map of two generations: what was not used for one whole generation is forgotten at once.

    Cheaper than an ordered eviction, and nothing depends on what is kept: a miss works it out again. The map itself is
    the young generation, so that `lately[key]` finds what is used without a call, and is None where nothing is kept.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes, for both generations together."""
        super().__init__()
        self._half = limit // 2
        self._weights: dict[Hashable, int] = {}
        self._weight = 0
        self._old: dict[Hashable, T | None] = {}
        self._old_weights: dict[Hashable, int] = {}

    def __missing__(self, key: Hashable) -> T | None:
        value = self._old.pop(key, None)
        if value is not None:
            self.keep(key, value, self._old_weights[key])
        return value

    def __len__(self) -> int:
        return super().__len__() + len(self._old)

    def keep(self, key: Hashable, value: T, weight: int) -> None:
        """Remember a value; `weight` is what it costs in bytes, its key included."""
        self[key] = value
        self._weights[key] = weight
        self._weight += weight
        if self._weight > self._half:
            self._old, self._old_weights = dict(self), self._weights
            super().clear()
            self._weights, self._weight = {}, 0

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._old, self._old_weights, self._weights, self._weight = {}, {}, {}, 0

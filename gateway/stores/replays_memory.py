"""Which DPoP proofs one process has seen."""

_MOST = 500_000
"""Names that are remembered; one costs about 200 bytes."""


class MemoryProofReplays:
    """Two generations of names: the older one is dropped whole. `life` is how long a proof can be good, in seconds.

    A generation ends after `life`, or when it is full: that takes as many verified proofs as half of `most` within that
    time, thousands a second. Then an older proof could be shown once more, by whoever has seen it.
    """

    def __init__(self, life: float, most: int = _MOST) -> None:
        self._life = life
        self._half = max(1, most // 2)
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._ends_at = 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    async def is_first(self, name: str, until: float, now: float) -> bool:
        """Whether nobody has shown it before; remembers it `until` it would be refused anyhow."""
        return self.note(name, until, now)

    def note(self, name: str, until: float, now: float) -> bool:
        """Do what `is_first` does, at once."""
        if now >= self._ends_at or len(self._young) >= self._half:
            self._old, self._young = self._young, {}
            self._ends_at = now + self._life
        if self._young.get(name, 0.0) > now or self._old.get(name, 0.0) > now:
            return False
        self._young[name] = until
        return True

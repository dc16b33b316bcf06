"""What was proved lately, found again by the credential's bytes; never a verdict."""

from collections.abc import Hashable
from typing import NamedTuple

from gateway.core.translate import Proof

_OVERHEAD = 1024  # measured: what the objects of one proof cost beside the credential's own bytes


class _Kept(NamedTuple):
    proof: Proof
    weight: int


class Proofs:
    """A map bounded in bytes. Two generations: what was not used for one whole generation is forgotten at once.

    Cheaper than an ordered eviction, and nothing depends on what is kept: a miss proves again.
    """

    def __init__(self, limit: int = 32 << 20) -> None:
        """`limit` is in bytes, for both generations together."""
        self._half = limit // 2
        self._young: dict[Hashable, _Kept] = {}
        self._old: dict[Hashable, _Kept] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, key: Hashable, stamp: int) -> Proof | None:
        """Return the proof if it was made under the same generation of keys."""
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.pop(key, None)
            if kept is None:
                return None
            self._add(key, kept)
        proof = kept.proof
        return proof if proof.stamp == stamp else None

    def keep(self, key: Hashable, proof: Proof, size: int) -> None:
        """Remember a proof; `size` is the length of the credential in bytes."""
        self._add(key, _Kept(proof, size + len(proof.lines) + _OVERHEAD))

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._weight = {}, {}, 0

    def _add(self, key: Hashable, kept: _Kept) -> None:
        self._young[key] = kept
        self._weight += kept.weight
        if self._weight > self._half:
            self._old, self._young, self._weight = self._young, {}, 0

"""What was proved lately, found again by the credential's bytes; never a verdict."""

from collections.abc import Hashable

from gateway.core.translate import Proof
from gateway.lately import Lately

_OVERHEAD = 1024  # measured: what the objects of one proof cost beside the credential's own bytes


class Proofs:
    """A map bounded in bytes; a miss proves again."""

    def __init__(self, limit: int = 32 << 20) -> None:
        """`limit` is in bytes."""
        self._kept: Lately[Proof] = Lately(limit)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable, stamp: int) -> Proof | None:
        """Return the proof if it was made under the same generation of keys."""
        proof = self._kept[key]
        return proof if proof is not None and proof.stamp == stamp else None

    def keep(self, key: Hashable, proof: Proof, size: int) -> None:
        """Remember a proof; `size` is the length of the credential in bytes."""
        self._kept.keep(key, proof, size + len(proof.lines) + _OVERHEAD)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

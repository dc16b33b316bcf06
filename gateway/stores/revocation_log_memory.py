"""A RevocationLog that lasts as long as its process: for tests, and for the middleware without a place to write."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.model import Revocation


class MemoryRevocationLog:
    """Keeps what the port asks for in a list that is ordered by sequence."""

    def __init__(self) -> None:
        self._entries: list[Revocation] = []
        self._sequence = 0

    async def record(self, revocations: Sequence[Revocation], now: float, family_id: str = "") -> Sequence[Revocation]:
        """Record and return them with their sequence numbers."""
        return [self.add(revocation) for revocation in revocations]

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        """Return what has not expired and has a sequence above `after`, in order, at most `limit` of them."""
        return [entry for entry in self._entries if entry.sequence > after and entry.expires_at > now][:limit]

    async def sequence(self) -> int:
        """Return the newest sequence number, 0 before the first."""
        return self._sequence

    def add(self, revocation: Revocation) -> Revocation:
        """Record one within a transaction of another memory store."""
        self._sequence += 1
        recorded = replace(revocation, sequence=self._sequence)
        self._entries.append(recorded)
        return recorded

    def delete_expired(self, now: float, limit: int) -> int:
        """Forget up to `limit` entries that have expired; returns how many."""
        expired = {entry.sequence for entry in self._entries if entry.expires_at <= now}
        forgotten = set(sorted(expired)[:limit])
        self._entries = [entry for entry in self._entries if entry.sequence not in forgotten]
        return len(forgotten)

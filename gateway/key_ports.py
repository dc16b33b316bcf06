"""What the decisions need from the outside to know which keys there are; the rules of `ports` hold here too."""

from collections.abc import Sequence
from typing import Protocol

from gateway.records import DecideKeys, KeyRecord


class KeyStore(Protocol):
    """Where all gateways agree which signing keys there are. Raises StoreUnavailable."""

    async def read(self) -> Sequence[KeyRecord]:
        """Return all records, in the order of their publication."""
        ...

    async def change(self, decide: DecideKeys) -> Sequence[KeyRecord]:
        """Lock the records, let `decide` choose what becomes of them, carry it out; returns them as they are then.

        What `decide` raises passes through, and nothing was changed.
        """
        ...

"""A KeyStore that lasts as long as its process."""

from collections.abc import Sequence

from gateway.records import DecideKeys, KeyRecord


class MemoryKeyStore:
    """Records of signing keys, by kid."""

    def __init__(self) -> None:
        self._records: dict[str, KeyRecord] = {}

    async def read(self) -> Sequence[KeyRecord]:
        """Return all records, in the order of their publication."""
        return sorted(self._records.values(), key=lambda record: (record.published_at, record.kid))

    async def change(self, decide: DecideKeys) -> Sequence[KeyRecord]:
        """Let `decide` choose what becomes of the records; returns them as they are then."""
        change = decide(await self.read())
        for kid in change.delete:
            self._records.pop(kid, None)
        self._records.update((record.kid, record) for record in change.write)
        return await self.read()

"""A VaultStore that lasts as long as its process."""

from gateway.records import SealedSession


class MemoryVaultStore:
    """Sealed sessions in a dictionary; the memory RefreshStore adds and removes them with their families."""

    def __init__(self) -> None:
        self.entries: dict[str, SealedSession] = {}

    async def fetch(self, session_id: str) -> SealedSession | None:
        """Return the entry, or None when the family has ended or never had one."""
        return self.entries.get(session_id)

    async def replace(self, entry: SealedSession, *, expected_version: int) -> bool:
        """Compare-and-set on the version. False when another write came first or the family has ended."""
        stored = self.entries.get(entry.session_id)
        if stored is None or stored.version != expected_version:
            return False
        self.entries[entry.session_id] = entry
        return True

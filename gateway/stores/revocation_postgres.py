"""The truth of all revocations in PostgreSQL, numbered so that they become visible in the order of their numbers."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.model import Revocation, RevocationKind
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.joint_read import JointRead
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection

_KINDS = {kind.value: kind for kind in RevocationKind}

# As columns, because a million rows of their own take three times as long to read.
_LIVE = """
    SELECT array_agg(kind), array_agg(name), array_agg(expires_at), array_agg(reason), array_agg(sequence) FROM (
        SELECT kind, name, expires_at, reason, sequence FROM crossfade_revocations
        WHERE sequence > $1 AND expires_at > $2 ORDER BY sequence LIMIT $3
    ) AS page
"""


async def record_revocations(connection: Connection, revocations: Sequence[Revocation]) -> Sequence[Revocation]:
    """Add revocations to the transaction under way; return them with their sequence numbers.

    The lock on the counter is held until the commit, and every transaction takes it last: nobody who has it waits.
    """
    if not revocations:
        return []
    newest = await connection.fetchval(
        "UPDATE crossfade_revocation_counter SET sequence = sequence + $1 RETURNING sequence", len(revocations)
    )
    assert isinstance(newest, int)
    first = newest - len(revocations) + 1
    recorded = [replace(entry, sequence=number) for number, entry in enumerate(revocations, first)]
    await connection.execute(
        "INSERT INTO crossfade_revocations (sequence, kind, name, expires_at, reason) "
        "SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::float8[], $5::text[])",
        [entry.sequence for entry in recorded],
        [entry.kind.value for entry in recorded],
        [entry.name for entry in recorded],
        [entry.expires_at for entry in recorded],
        [entry.reason for entry in recorded],
    )
    return recorded


class PostgresRevocationLog:
    """The RevocationLog that several gateways share."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._sequence = JointRead(lambda: database.read(_newest))

    async def record(self, revocations: Sequence[Revocation], now: float, family_id: str = "") -> Sequence[Revocation]:
        """Record and return them with their sequence numbers.

        Raises:
            StoreUnavailable: nothing was recorded, unless the commit itself was lost.
        """
        if not revocations:
            return []

        async def work(connection: Connection) -> Sequence[Revocation]:
            await write_entries(connection, [_entry(revocation, now, family_id) for revocation in revocations])
            return await record_revocations(connection, revocations)

        return await self._database.run(work)

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        """Return what has not expired and has a sequence above `after`, in order, at most `limit` of them.

        Raises:
            StoreUnavailable: the database cannot be read.
        """

        async def work(connection: Connection) -> Sequence[Revocation]:
            columns = await connection.fetchrow(_LIVE, after, now, limit)
            assert columns is not None
            kinds, *others = columns
            if kinds is None:
                return []
            return list(map(Revocation, map(_KINDS.__getitem__, kinds), *others))  # type: ignore[call-overload,arg-type]  # as selected

        return await self._database.read(work)

    async def sequence(self) -> int:
        """Return the newest sequence number; the first of all follows on the time when the tables were made.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        return await self._sequence.ask()


async def _newest(connection: Connection) -> int:
    newest = await connection.fetchval("SELECT sequence FROM crossfade_revocation_counter")
    assert isinstance(newest, int)
    return newest


def _entry(revocation: Revocation, now: float, family_id: str) -> AuditEntry:
    family_id = revocation.name if revocation.kind is RevocationKind.FAMILY else family_id
    who = revocation.name if revocation.kind is RevocationKind.SUBJECT else ""
    return AuditEntry(now, who, "revoked", family_id, revocation.reason)

"""The RefreshStore in PostgreSQL: each method is one READ COMMITTED transaction that locks the family it changes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import asyncpg

from gateway.model import Revocation, RevocationKind
from gateway.records import (
    Decide,
    Family,
    Presented,
    RefreshOutcome,
    RefreshRow,
    Rotation,
    RotationDecision,
    SealedSession,
)
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.bars_memory import EVERYBODY
from gateway.stores.bars_postgres import bar_subject, follow_session, is_barred, note_login
from gateway.stores.expiry_postgres import Bounds, delete_expired
from gateway.stores.families_postgres import (
    LIVE,
    end_locked,
    find_families,
    find_family_of_token,
    find_presented,
    find_token,
    insert_family,
    insert_token,
    insert_vaulted,
    lock_sessions,
    lock_subject,
    succeed,
)
from gateway.stores.leeway import revocation_end
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection
from gateway.stores.revocation_postgres import record_revocations

_OF_SESSION = f"{LIVE} AND session_hash = $2 AND octet_length(session_hash) > 0"
_WRITING = frozenset({RefreshOutcome.ROTATED, RefreshOutcome.REPLAY})
_OF_SUBJECT = f"{LIVE} AND subject = $2"


class PostgresRefreshStore:
    """Families and refresh tokens that several gateways share. `audit_retention` is in seconds.

    How old a token is and how long ago it was used is measured by the clock of the database, so that gateways whose
    clocks differ agree about the grace. Without `measures_age` the time that a caller passes counts for this too.
    """

    def __init__(
        self, database: PostgresDatabase, *, audit_retention: float = 90 * 86400.0, measures_age: bool = True
    ) -> None:
        self._database = database
        self._audit_retention = audit_retention
        self._measures_age = measures_age

    async def open_family(
        self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
    ) -> bool:
        """Store a new family; False where the session has `cap` live families already.

        Raises:
            StoreUnavailable: the database cannot be written, or a family or token of that name is there already.
        """

        async def work(connection: Connection) -> bool:
            await lock_subject(connection, family.subject)
            await lock_sessions(connection, family.session_hash)
            siblings = await find_families(connection, _OF_SESSION, now, family.session_hash)
            if len(siblings) >= cap and not any(sibling.id == family.id for sibling in siblings):
                return False
            await insert_family(connection, family)
            await insert_token(connection, token, is_dated_here=self._measures_age)
            if vaulted is not None:
                await insert_vaulted(connection, vaulted)
            entry = AuditEntry(now, family.subject, "family_opened", family.id, family.client_id)
            await write_entries(connection, [entry])
            return True

        return await self._database.run(work)

    async def find_presented(self, token_hash: bytes) -> Presented | None:
        """Return a refresh token with its family as they are at one moment, or None."""
        return await self._database.read(lambda connection: find_presented(connection, token_hash))

    async def rotate(self, token_hash: bytes, decide: Decide, now: float, *, seen: Presented | None = None) -> Rotation:
        """Present a refresh token. The family in the result is as the transaction left it.

        What was `seen` is good for a rotation, which finds out whether it still holds, and for nothing else: it may be
        old by now. What writes nothing needs no lock: token and family were like this at one moment, which is
        answered for.
        """
        if seen is not None:
            rotation = await self._rotate_unchanged(seen, decide, now)
            if rotation is not None:
                return rotation
        presented = await self.find_presented(token_hash)
        if presented is None:
            return Rotation(RotationDecision(RefreshOutcome.UNKNOWN), None)
        decision = self._decide(presented, decide, now)
        if decision.outcome not in _WRITING:
            return Rotation(decision, presented.family)

        async def work(connection: Connection) -> Rotation:
            return await self._carry_out(connection, presented, decision, decide, now)

        return await self._database.run(work)

    async def _rotate_unchanged(self, seen: Presented, decide: Decide, now: float) -> Rotation | None:
        """Rotate in one statement where that is what is to be done, and family and token are as they were seen."""
        decision = self._decide(seen, decide, now)
        if decision.outcome is not RefreshOutcome.ROTATED:
            return None
        family = await self._database.change(lambda connection: self._succeed(connection, seen, decision, now))
        return None if family is None else Rotation(decision, family)

    def _decide(self, presented: Presented, decide: Decide, now: float) -> RotationDecision:
        ahead = presented.time - now if self._measures_age else 0.0
        return decide(presented.family, _by_clock_of_caller(presented.row, ahead))

    async def _carry_out(
        self, connection: Connection, seen: Presented, decision: RotationDecision, decide: Decide, now: float
    ) -> Rotation:
        """Lock the family and do what was decided; where it is not any more as it was seen, decide again."""
        token_hash = seen.row.token_hash
        family = await find_family_of_token(connection, token_hash, is_locking=True)
        if family is not None and family != seen.family:
            found = await find_token(connection, token_hash)
            if found is not None:
                seen = Presented(family, *found)
                decision = self._decide(seen, decide, now)
        if family is None:
            return Rotation(RotationDecision(RefreshOutcome.UNKNOWN), None)
        if decision.outcome is RefreshOutcome.ROTATED:
            family = await self._succeed(connection, seen._replace(family=family), decision, now)
            if family is None:
                raise asyncpg.IntegrityConstraintViolationError("a refresh token has one successor")
        if decision.outcome is not RefreshOutcome.REPLAY or family.ended_at is not None:
            return Rotation(decision, family)
        (ended,) = await end_locked(connection, [family], "replay", now)
        revocation = Revocation(RevocationKind.FAMILY, ended.id, revocation_end(ended), "replay")
        return Rotation(decision, ended, tuple(await record_revocations(connection, [revocation])))

    async def _succeed(
        self, connection: Connection, seen: Presented, decision: RotationDecision, now: float
    ) -> Family | None:
        at = None if self._measures_age else now
        return await succeed(connection, seen, decision, at=at, lock_timeout=self._database.lock_timeout)

    async def find_family(self, family_id: str) -> Family | None:
        """Return the family, ended or not, or None."""

        async def work(connection: Connection) -> Family | None:
            return next(iter(await find_families(connection, "id = $1", family_id)), None)

        return await self._database.read(work)

    async def find_family_of_token(self, token_hash: bytes) -> Family | None:
        """Return the family that a refresh token belongs to, or None."""
        return await self._database.read(lambda connection: find_family_of_token(connection, token_hash))

    async def families_of_session(self, session_hash: bytes, now: float) -> Sequence[Family]:
        """Return the live families that came from a legacy session."""
        return await self._database.read(lambda connection: find_families(connection, _OF_SESSION, now, session_hash))

    async def families_of_subject(self, subject: str, now: float) -> Sequence[Family]:
        """Return the live families of a subject."""
        return await self._database.read(lambda connection: find_families(connection, _OF_SUBJECT, now, subject))

    async def end_families(
        self, family_ids: Sequence[str], reason: str, revoked_until: float, now: float
    ) -> Sequence[Revocation]:
        """End families and record one revocation for each that had not ended."""
        wanted = list(dict.fromkeys(family_ids))

        async def work(connection: Connection) -> Sequence[Revocation]:
            where = "id = ANY ($1) AND ended_at IS NULL"
            families = await find_families(connection, where, wanted, is_locking=True)
            families = sorted(families, key=lambda family: wanted.index(family.id))
            ended = await end_locked(connection, families, reason, now)
            return await record_revocations(
                connection, [Revocation(RevocationKind.FAMILY, family.id, revoked_until, reason) for family in ended]
            )

        return await self._database.run(work)

    async def end_subject(
        self, subject: str, reason: str, revoked_until: float, now: float, *, barred_until: float = 0.0
    ) -> Sequence[Revocation]:
        """End all families of a subject and record one epoch for it; bar its sessions where that is asked for."""

        async def work(connection: Connection) -> Sequence[Revocation]:
            await lock_subject(connection, subject, is_ending=True)
            where = "subject = $1 AND ended_at IS NULL"
            families = await find_families(connection, where, subject, is_locking=True)
            await end_locked(connection, families, reason, now)
            await write_entries(connection, [AuditEntry(now, subject, "subject_ended", reason=reason)])
            epoch = Revocation(RevocationKind.SUBJECT, subject, revoked_until, reason)
            recorded = await record_revocations(connection, [epoch])
            if barred_until > now:  # after the counter, and yet nobody waits: the subject is locked
                await bar_subject(connection, subject, recorded[0].sequence, barred_until)
            return recorded

        return await self._database.run(work)

    async def bar_everybody(
        self, reason: str, revoked_until: float, barred_until: float, now: float
    ) -> Sequence[Revocation]:
        """Record one epoch for all tokens, and bar all sessions."""

        async def work(connection: Connection) -> Sequence[Revocation]:
            await lock_subject(connection, EVERYBODY, is_ending=True)
            await write_entries(connection, [AuditEntry(now, "", "everybody_ended", reason=reason)])
            recorded = await record_revocations(
                connection, [Revocation(RevocationKind.EVERYTHING, "", revoked_until, reason)]
            )
            await bar_subject(connection, EVERYBODY, recorded[0].sequence, barred_until)
            return recorded

        return await self._database.run(work)

    async def end_oldest(self, created_until: float, reason: str, now: float, limit: int) -> int:
        """End up to `limit` families that were opened until then; returns how many."""

        async def work(connection: Connection) -> int:
            where = "id IN (SELECT id FROM crossfade_families WHERE ended_at IS NULL AND created_at <= $1 LIMIT $2)"
            # Those that were found may all have been ended by another operator, while we waited for their locks.
            while found := await find_families(connection, where, created_until, limit, is_locking=True):
                if live := [family for family in found if family.ended_at is None]:
                    return len(await end_locked(connection, live, reason, now))
            return 0

        return await self._database.run(work)

    async def move_families(self, old_session_hash: bytes, new_session_hash: bytes, now: float) -> int:
        """Follow a rotated legacy session id; returns how many live families moved."""

        async def work(connection: Connection) -> int:
            await lock_sessions(connection, old_session_hash, new_session_hash)
            await follow_session(connection, old_session_hash, new_session_hash)
            moved = await find_families(connection, _OF_SESSION, now, old_session_hash, is_locking=True)
            if moved:
                await connection.execute(
                    "UPDATE crossfade_families SET session_hash = $1 WHERE id = ANY ($2)",
                    new_session_hash,
                    [family.id for family in moved],
                )
                entries = [AuditEntry(now, family.subject, "family_moved", family.id) for family in moved]
                await write_entries(connection, entries)
            return len(moved)

        return await self._database.run(work)

    async def bar_session(self, session_hash: bytes, until: float, now: float) -> None:
        """Let no family be opened from a legacy session until then; a longer bar is not shortened."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO crossfade_barred_sessions AS bar (session_hash, barred_at, until) VALUES ($1, $2, $3) "
                "ON CONFLICT (session_hash) DO UPDATE SET barred_at = greatest(bar.barred_at, excluded.barred_at), "
                "until = greatest(bar.until, excluded.until)",
                session_hash,
                now,
                until,
            )
            await write_entries(connection, [AuditEntry(now, "", "session_barred")])

        await self._database.run(work)

    async def note_login(self, subject: str, session_hash: bytes, now: float) -> None:
        """Remember a login, if the sessions of its subject are barred."""
        await self._database.run(lambda connection: note_login(connection, subject, session_hash, now))

    async def is_barred(
        self, session_hash: bytes, now: float, *, subject: str = "", signed_at: float | None = None
    ) -> bool:
        """Say whether `bar_session` holds for it, or for what was signed at a known time, or a bar of its subject."""
        return await self._database.read(
            lambda connection: is_barred(connection, session_hash, now, signed_at, subject)
        )

    async def count_live(self, now: float) -> Mapping[str, int]:
        """Return the number of live families by client id."""

        async def work(connection: Connection) -> Mapping[str, int]:
            statement = f"SELECT client_id, count(*) FROM crossfade_families WHERE {LIVE} GROUP BY client_id"  # noqa: S608
            return {str(client): int(str(count)) for client, count in await connection.fetch(statement, now)}

        return await self._database.read(work)

    async def delete_expired(self, now: float, limit: int) -> int:
        """Delete up to `limit` rows that nothing can need any more; returns how many."""
        bounds = Bounds(now, limit, self._audit_retention, measures_age=self._measures_age)
        return await self._database.run(lambda connection: delete_expired(connection, bounds))


def _by_clock_of_caller(row: RefreshRow, ahead: float) -> RefreshRow:
    """Return a row with its past moved to the clock of a caller that the database's is ahead of."""
    used_at = None if row.used_at is None else row.used_at - ahead
    return replace(row, issued_at=row.issued_at - ahead, used_at=used_at)

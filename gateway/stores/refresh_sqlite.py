"""The RefreshStore of the embedded mode: each method is one transaction of the one SQLite connection."""

import sqlite3
from collections.abc import Mapping, Sequence

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
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.bars_memory import EVERYBODY
from gateway.stores.bars_sqlite import bar_subject, follow_session, is_barred, note_login
from gateway.stores.expiry_sqlite import delete_expired
from gateway.stores.families_sqlite import (
    LIVE,
    end_family,
    find_families,
    find_token,
    insert_family,
    insert_token,
    insert_vaulted,
    revoke_family,
    succeed,
)
from gateway.stores.leeway import revocation_end
from gateway.stores.revocation_sqlite import record_revocation
from gateway.stores.sqlite import Database


class SqliteRefreshStore:
    """Families and refresh tokens in the embedded database. `audit_retention` is in seconds."""

    def __init__(self, database: Database, *, audit_retention: float = 90 * 86400.0) -> None:
        self._database = database
        self._audit_retention = audit_retention

    async def open_family(
        self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
    ) -> bool:
        """Store a new family; False where the session has `cap` live families already.

        Raises:
            StoreUnavailable: the database cannot be written, or a family or token of that name is there already.
        """

        def work(connection: sqlite3.Connection) -> bool:
            siblings = find_families(connection, _OF_SESSION, {"hash": family.session_hash, "now": now})
            if len(siblings) >= cap and not any(sibling.id == family.id for sibling in siblings):
                return False
            insert_family(connection, family)
            insert_token(connection, token)
            if vaulted is not None:
                insert_vaulted(connection, vaulted)
            write_entry(connection, AuditEntry(now, family.subject, "family_opened", family.id, family.client_id))
            return True

        return await self._database.run(work)

    async def find_presented(self, token_hash: bytes) -> Presented | None:
        """Return a refresh token with its family, or None."""

        def work(connection: sqlite3.Connection) -> Presented | None:
            found = find_token(connection, token_hash)
            return None if found is None else Presented(*found, 0.0)

        return await self._database.run(work)

    async def rotate(self, token_hash: bytes, decide: Decide, now: float, *, seen: Presented | None = None) -> Rotation:
        """Present a refresh token. The family in the result is as the transaction left it."""

        def work(connection: sqlite3.Connection) -> Rotation:
            found = find_token(connection, token_hash)
            if found is None:
                return Rotation(RotationDecision(RefreshOutcome.UNKNOWN), None)
            family, row = found
            decision = decide(family, row)
            if decision.outcome is RefreshOutcome.ROTATED:
                family = succeed(connection, family, row, decision, now)
            if decision.outcome is not RefreshOutcome.REPLAY or family.ended_at is not None:
                return Rotation(decision, family)
            family = end_family(connection, family, "replay", now)
            revocation = revoke_family(connection, family, "replay", revocation_end(family))
            return Rotation(decision, family, (revocation,))

        return await self._database.run(work)

    async def find_family(self, family_id: str) -> Family | None:
        """Return the family, ended or not, or None."""

        def work(connection: sqlite3.Connection) -> Family | None:
            return next(iter(find_families(connection, "f.id = :id", {"id": family_id})), None)

        return await self._database.run(work)

    async def find_family_of_token(self, token_hash: bytes) -> Family | None:
        """Return the family that a refresh token belongs to, or None."""

        def work(connection: sqlite3.Connection) -> Family | None:
            found = find_token(connection, token_hash)
            return found[0] if found else None

        return await self._database.run(work)

    async def families_of_session(self, session_hash: bytes, now: float) -> Sequence[Family]:
        """Return the live families that came from a legacy session."""

        def work(connection: sqlite3.Connection) -> Sequence[Family]:
            return find_families(connection, _OF_SESSION, {"hash": session_hash, "now": now})

        return await self._database.run(work)

    async def families_of_subject(self, subject: str, now: float) -> Sequence[Family]:
        """Return the live families of a subject."""

        def work(connection: sqlite3.Connection) -> Sequence[Family]:
            return find_families(connection, f"f.subject = :subject AND {LIVE}", {"subject": subject, "now": now})

        return await self._database.run(work)

    async def end_families(
        self, family_ids: Sequence[str], reason: str, revoked_until: float, now: float
    ) -> Sequence[Revocation]:
        """End families and record one revocation for each that had not ended."""

        def work(connection: sqlite3.Connection) -> Sequence[Revocation]:
            ended = []
            for family_id in dict.fromkeys(family_ids):
                for family in find_families(connection, "f.id = :id AND f.ended_at IS NULL", {"id": family_id}):
                    end_family(connection, family, reason, now)
                    ended.append(revoke_family(connection, family, reason, revoked_until))
            return ended

        return await self._database.run(work)

    async def end_subject(
        self, subject: str, reason: str, revoked_until: float, now: float, *, barred_until: float = 0.0
    ) -> Sequence[Revocation]:
        """End all families of a subject and record one epoch for it; bar its sessions where that is asked for."""

        def work(connection: sqlite3.Connection) -> Sequence[Revocation]:
            for family in find_families(
                connection, "f.subject = :subject AND f.ended_at IS NULL", {"subject": subject}
            ):
                end_family(connection, family, reason, now)
            write_entry(connection, AuditEntry(now, subject, "subject_ended", reason=reason))
            epoch = record_revocation(connection, Revocation(RevocationKind.SUBJECT, subject, revoked_until, reason))
            if barred_until > now:
                bar_subject(connection, subject, epoch.sequence, barred_until)
            return [epoch]

        return await self._database.run(work)

    async def bar_everybody(
        self, reason: str, revoked_until: float, barred_until: float, now: float
    ) -> Sequence[Revocation]:
        """Record one epoch for all tokens, and bar all sessions."""

        def work(connection: sqlite3.Connection) -> Sequence[Revocation]:
            write_entry(connection, AuditEntry(now, "", "everybody_ended", reason=reason))
            epoch = record_revocation(connection, Revocation(RevocationKind.EVERYTHING, "", revoked_until, reason))
            bar_subject(connection, EVERYBODY, epoch.sequence, barred_until)
            return [epoch]

        return await self._database.run(work)

    async def end_oldest(self, created_until: float, reason: str, now: float, limit: int) -> int:
        """End up to `limit` families that were opened until then; returns how many."""

        def work(connection: sqlite3.Connection) -> int:
            where = (
                "f.id IN (SELECT id FROM families WHERE ended_at IS NULL AND created_at <= :created_until LIMIT :limit)"
            )
            families = find_families(connection, where, {"created_until": created_until, "limit": limit})
            for family in families:
                end_family(connection, family, reason, now)
            return len(families)

        return await self._database.run(work)

    async def move_families(self, old_session_hash: bytes, new_session_hash: bytes, now: float) -> int:
        """Follow a rotated legacy session id; returns how many live families moved."""

        def work(connection: sqlite3.Connection) -> int:
            follow_session(connection, old_session_hash, new_session_hash)
            moved = find_families(connection, _OF_SESSION, {"hash": old_session_hash, "now": now})
            for family in moved:
                connection.execute("UPDATE families SET session_hash = ? WHERE id = ?", (new_session_hash, family.id))
                write_entry(connection, AuditEntry(now, family.subject, "family_moved", family.id))
            return len(moved)

        return await self._database.run(work)

    async def bar_session(self, session_hash: bytes, until: float, now: float) -> None:
        """Let no family be opened from a legacy session until then; a longer bar is not shortened."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO barred_sessions (session_hash, barred_at, until) VALUES (?, ?, ?) "
                "ON CONFLICT (session_hash) DO UPDATE SET barred_at = max(barred_at, excluded.barred_at), "
                "until = max(until, excluded.until)",
                (session_hash, now, until),
            )
            write_entry(connection, AuditEntry(now, "", "session_barred"))

        await self._database.run(work)

    async def note_login(self, subject: str, session_hash: bytes, now: float) -> None:
        """Remember a login, if the sessions of its subject are barred."""
        await self._database.run(lambda connection: note_login(connection, subject, session_hash, now))

    async def is_barred(
        self, session_hash: bytes, now: float, *, subject: str = "", signed_at: float | None = None
    ) -> bool:
        """Say whether `bar_session` holds for it, or for what was signed at a known time, or a bar of its subject."""
        return await self._database.run(lambda connection: is_barred(connection, session_hash, now, signed_at, subject))

    async def count_live(self, now: float) -> Mapping[str, int]:
        """Return the number of live families by client id."""

        def work(connection: sqlite3.Connection) -> Mapping[str, int]:
            statement = f"SELECT f.client_id, count(*) FROM families f WHERE {LIVE} GROUP BY f.client_id"  # noqa: S608
            return dict(connection.execute(statement, {"now": now}).fetchall())

        return await self._database.run(work)

    async def delete_expired(self, now: float, limit: int) -> int:
        """Delete up to `limit` rows that nothing can need any more; returns how many."""
        retention = self._audit_retention
        return await self._database.run(lambda connection: delete_expired(connection, now, limit, retention))


_OF_SESSION = f"f.session_hash = :hash AND f.session_hash <> x'' AND {LIVE}"

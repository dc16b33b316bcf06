"""Families and refresh tokens as rows in PostgreSQL: the steps that its transactions are made of.

Locks are taken in one order, so that no two transactions wait for each other: advisory locks (subject, then sessions),
families in the order of their ids, what belongs to a family, the counter of revocations.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import orjson

from gateway.records import Family, Presented, RefreshRow, RotationDecision, SealedSession, rotated
from gateway.stores.audit_postgres import write_entries
from gateway.stores.audit_sqlite import AuditEntry
from gateway.stores.postgres_connection import Connection, Row

_FAMILY = (
    "id, subject, client_id, site, session_hash, claims, generation, created_at, "
    "idle_expires_at, absolute_expires_at, ended_at, ended_reason, bound_key"
)
LIVE = "ended_at IS NULL AND idle_expires_at > $1 AND absolute_expires_at > $1"
"""The condition for a family that can still be refreshed at `$1`."""

_PRESENTED = (
    f"SELECT {', '.join(f'f.{name}' for name in _FAMILY.split(', '))}, "  # noqa: S608 - constant columns
    "t.token_hash, t.family_id, t.generation, t.issued_at, t.expires_at, t.used_at, t.successor_sealed, "
    "extract(epoch FROM clock_timestamp())::float8 "
    "FROM refresh_tokens t JOIN crossfade_families f ON f.id = t.family_id WHERE t.token_hash = $1"
)
_LOCK_FAMILY_OF_TOKEN = (
    f"SELECT {_FAMILY} FROM crossfade_families "  # noqa: S608 - constant columns
    "WHERE id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)"
)
_TOKEN = (
    "SELECT token_hash, family_id, generation, issued_at, expires_at, used_at, successor_sealed, "  # noqa: S105 - columns
    "extract(epoch FROM clock_timestamp())::float8 FROM refresh_tokens WHERE token_hash = $1"
)

# One statement, one round trip, good as a transaction by itself: its bounds are set before it waits for the lock, and
# whoever waited sees the family as it is then. Nothing happens unless family and token are as they were seen:
# everything else follows from `spent`.
_SUCCEED = """
    WITH bounds AS MATERIALIZED (
        SELECT set_config('lock_timeout', $11, true) AS waits,
            set_config('synchronous_commit',
                CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END, true) AS keeps,
            coalesce($2::float8, extract(epoch FROM clock_timestamp())::float8) AS at
    ), locked AS (
        SELECT f.id, bounds.at FROM bounds, crossfade_families f
        WHERE f.id = $10 AND f.ended_at IS NULL AND f.generation = $12 AND f.idle_expires_at = $13
            AND f.absolute_expires_at = $14 AND bounds.waits IS NOT NULL AND bounds.keeps IS NOT NULL
        FOR UPDATE OF f
    ), spent AS (
        UPDATE refresh_tokens t SET used_at = locked.at, successor_sealed = $3 FROM locked
        WHERE t.token_hash = $1 AND t.family_id = locked.id AND t.used_at IS NULL
        RETURNING t.family_id, t.generation, locked.at
    ), forgotten AS (
        UPDATE refresh_tokens t SET successor_sealed = NULL FROM spent
        WHERE t.family_id = spent.family_id AND t.generation = spent.generation - 1 AND t.successor_sealed IS NOT NULL
    ), succeeded AS (
        INSERT INTO refresh_tokens (token_hash, family_id, generation, issued_at, expires_at)
        SELECT $4, family_id, $5, at, $6 FROM spent
    ), moved AS (
        UPDATE crossfade_families f SET generation = $5, idle_expires_at = $7, absolute_expires_at = $8
        FROM spent WHERE f.id = spent.family_id
    ), told AS (
        INSERT INTO crossfade_audit (at, who, what, family_id) SELECT at, $9, 'token_rotated', family_id FROM spent
    )
    SELECT count(*) FROM spent
"""


async def lock_subject(connection: Connection, subject: str, *, is_ending: bool = False) -> None:
    """Let no family of a subject be opened while all of them are ended; those who open do not hinder each other."""
    kind = "" if is_ending else "_shared"
    await connection.execute(f"SELECT pg_advisory_xact_lock{kind}($1)", _number_of(b"subject", subject.encode()))


async def lock_sessions(connection: Connection, *session_hashes: bytes) -> None:
    """Let nobody else open a family from these legacy sessions, or move one there."""
    for number in sorted({_number_of(b"session", value) for value in session_hashes if value}):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", number)


def _number_of(purpose: bytes, name: bytes) -> int:
    """Return the number of an advisory lock. Two names that share one wait for each other, and nothing worse."""
    digest = hashlib.sha256(b"crossfade\0" + purpose + b"\0" + name).digest()
    return int.from_bytes(digest[:8], signed=True)


async def find_families(
    connection: Connection, where: str, *parameters: object, is_locking: bool = False
) -> Sequence[Family]:
    """Return the families that meet a condition of ours, the oldest first; locked in the order of their ids."""
    order = "id FOR UPDATE" if is_locking else "created_at, id"
    rows = await connection.fetch(
        f"SELECT {_FAMILY} FROM crossfade_families WHERE {where} ORDER BY {order}",  # noqa: S608 - constant
        *parameters,
    )
    return [_family(row) for row in rows]


async def find_family_of_token(connection: Connection, token_hash: bytes, *, is_locking: bool = False) -> Family | None:
    """Return the family that a refresh token belongs to, or None."""
    row = await connection.fetchrow(_LOCK_FAMILY_OF_TOKEN + (" FOR UPDATE" if is_locking else ""), token_hash)
    return None if row is None else _family(row)


async def find_token(connection: Connection, token_hash: bytes) -> tuple[RefreshRow, float] | None:
    """Return a refresh token and what time it is for the database, or None.

    A statement of its own, after the one that locks the family: in READ COMMITTED a statement that had to wait for the
    lock sees the family as it is now, but what it joins as it was before.
    """
    found = await connection.fetchrow(_TOKEN, token_hash)
    if found is None:
        return None
    *row, time = found
    assert isinstance(time, float)
    return RefreshRow(*row), time  # type: ignore[arg-type]  # in the order of the fields


async def find_presented(connection: Connection, token_hash: bytes) -> Presented | None:
    """Return a refresh token with its family as they are at one moment, without a lock, or None."""
    found = await connection.fetchrow(_PRESENTED, token_hash)
    if found is None:
        return None
    count = len(_FAMILY.split(", "))
    family, (*row, time) = _family(found[:count]), found[count:]
    assert isinstance(time, float)
    return Presented(family, RefreshRow(*row), time)  # type: ignore[arg-type]  # in the order of the fields


async def insert_family(connection: Connection, family: Family) -> None:
    """Store a new family."""
    await connection.execute(
        f"INSERT INTO crossfade_families ({_FAMILY}) VALUES "  # noqa: S608
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        family.id,
        family.subject,
        family.client_id,
        family.site,
        family.session_hash,
        orjson.dumps(family.claims).decode(),
        family.generation,
        family.created_at,
        family.idle_expires_at,
        family.absolute_expires_at,
        family.ended_at,
        family.ended_reason,
        family.bound_key,
    )


async def insert_token(connection: Connection, token: RefreshRow, *, is_dated_here: bool) -> None:
    """Store the first refresh token of a family, issued now by the database's clock or when the row says."""
    await connection.execute(
        "INSERT INTO refresh_tokens "
        "(token_hash, family_id, generation, issued_at, expires_at, used_at, successor_sealed) "
        "VALUES ($1, $2, $3, coalesce($4, extract(epoch FROM clock_timestamp())), $5, $6, $7)",
        token.token_hash,
        token.family_id,
        token.generation,
        None if is_dated_here else token.issued_at,
        token.expires_at,
        token.used_at,
        token.successor_sealed,
    )


async def insert_vaulted(connection: Connection, entry: SealedSession) -> None:
    """Store the vaulted session of a new family."""
    await connection.execute(
        "INSERT INTO crossfade_vault (session_id, key_id, sealed, version, expires_at) VALUES ($1, $2, $3, $4, $5)",
        entry.session_id,
        entry.key_id,
        entry.sealed,
        entry.version,
        entry.expires_at,
    )


async def succeed(
    connection: Connection, seen: Presented, decision: RotationDecision, *, at: float | None, lock_timeout: float
) -> Family | None:
    """Put the successor in the place of a presented token; return the family as it is now.

    Both are dated `at`, or now by the clock of the database. None, and nothing has happened, where family or token are
    not any more as they were seen. `lock_timeout` is in seconds.
    """
    family, successor, moved = seen.family, decision.successor, rotated(seen.family, decision)
    assert successor is not None
    spent = await connection.fetchval(
        _SUCCEED,
        seen.row.token_hash,
        at,
        decision.successor_sealed,
        successor.token_hash,
        successor.generation,
        successor.expires_at,
        moved.idle_expires_at,
        moved.absolute_expires_at,
        family.subject,
        family.id,
        f"{lock_timeout * 1000:.0f}",
        family.generation,
        family.idle_expires_at,
        family.absolute_expires_at,
    )
    return moved if spent == 1 else None


async def end_locked(connection: Connection, families: Sequence[Family], reason: str, now: float) -> Sequence[Family]:
    """End families that this transaction has locked, and delete what must not outlive them: vault and sealed tokens."""
    ids = [family.id for family in families]
    if not ids:
        return []
    await connection.execute(
        "UPDATE crossfade_families SET ended_at = $1, ended_reason = $2 WHERE id = ANY ($3)", now, reason, ids
    )
    await connection.execute(
        "UPDATE refresh_tokens SET successor_sealed = NULL WHERE family_id = ANY ($1) AND successor_sealed IS NOT NULL",
        ids,
    )
    await connection.execute("DELETE FROM crossfade_vault WHERE session_id = ANY ($1)", ids)
    await write_entries(
        connection, [AuditEntry(now, family.subject, "family_ended", family.id, reason) for family in families]
    )
    return [replace(family, ended_at=now, ended_reason=reason) for family in families]


def _family(row: Row) -> Family:
    values = list(row)
    values[5] = orjson.loads(str(values[5]))
    return Family(*values)  # type: ignore[arg-type]  # the columns are selected in the order of the fields

"""Deleting what nothing can need any more: a bounded number of rows, none of which anybody has locked."""

from dataclasses import dataclass

from gateway.core.rotation import LONGEST_GRACE
from gateway.stores.leeway import LEEWAY_ROOM
from gateway.stores.postgres_connection import Connection

_STEPS = (
    (
        "DELETE FROM refresh_tokens WHERE token_hash IN (SELECT t.token_hash FROM refresh_tokens t "
        "JOIN crossfade_families f ON f.id = t.family_id WHERE f.absolute_expires_at <= $1 "
        "LIMIT $2 FOR UPDATE OF t SKIP LOCKED)",
        LEEWAY_ROOM,
    ),
    (
        "DELETE FROM crossfade_vault WHERE session_id IN (SELECT v.session_id FROM crossfade_vault v "
        "JOIN crossfade_families f ON f.id = v.session_id WHERE f.absolute_expires_at <= $1 "
        "LIMIT $2 FOR UPDATE OF v SKIP LOCKED)",
        LEEWAY_ROOM,
    ),
    (
        "DELETE FROM crossfade_families WHERE id IN (SELECT f.id FROM crossfade_families f "
        "WHERE f.absolute_expires_at <= $1 "
        "AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.family_id = f.id) "
        "AND NOT EXISTS (SELECT FROM crossfade_vault v WHERE v.session_id = f.id) LIMIT $2 FOR UPDATE SKIP LOCKED)",
        LEEWAY_ROOM,
    ),
    (
        "DELETE FROM crossfade_barred_sessions WHERE session_hash IN (SELECT session_hash "
        "FROM crossfade_barred_sessions WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        0.0,
    ),
    (
        "DELETE FROM crossfade_barred_subjects WHERE subject IN (SELECT subject "
        "FROM crossfade_barred_subjects WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        0.0,
    ),
    (
        "DELETE FROM crossfade_logins WHERE session_hash IN (SELECT session_hash "
        "FROM crossfade_logins WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        0.0,
    ),
    (
        "DELETE FROM crossfade_revocations WHERE sequence IN (SELECT sequence "
        "FROM crossfade_revocations WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        0.0,
    ),
)
"""Each with how long after the end it is due (seconds). Children come before parents; spent tokens of a living family
stay, since a replay is known by them."""

_AUDIT = (
    "DELETE FROM crossfade_audit WHERE id IN (SELECT id FROM crossfade_audit WHERE at <= $1 "
    "LIMIT $2 FOR UPDATE SKIP LOCKED)"
)
_FORGET = (
    "UPDATE refresh_tokens SET successor_sealed = NULL WHERE token_hash IN (SELECT token_hash FROM refresh_tokens "
    "WHERE successor_sealed IS NOT NULL AND used_at <= coalesce($1, extract(epoch FROM statement_timestamp())) - $2 "
    "LIMIT $3 FOR UPDATE SKIP LOCKED)"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is due `now`, and how many rows at a time. `audit_retention` is in seconds.

    `measures_age`: uses are dated by the clock of the database.
    """

    now: float
    limit: int
    audit_retention: float
    measures_age: bool


async def delete_expired(connection: Connection, bounds: Bounds) -> int:
    """Delete up to `limit` rows that expired, and audit entries that are too old; return how many.

    Forgets as many sealed successors whose grace is over; those rows stay and are not counted.
    """
    deleted = 0
    for statement, delay in (*_STEPS, (_AUDIT, bounds.audit_retention)):
        tag = await connection.execute(statement, bounds.now - delay, bounds.limit - deleted)
        deleted += int(tag.removeprefix("DELETE "))
    await connection.execute(_FORGET, None if bounds.measures_age else bounds.now, LONGEST_GRACE, bounds.limit)
    return deleted

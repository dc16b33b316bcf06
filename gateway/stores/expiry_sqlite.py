"""Deleting what nothing can need any more, a bounded number of rows at a time."""

import sqlite3

from gateway.core.rotation import LONGEST_GRACE
from gateway.stores.leeway import LEEWAY_ROOM

_STEPS = (
    "DELETE FROM refresh_tokens WHERE token_hash IN (SELECT t.token_hash FROM refresh_tokens t "
    "JOIN families f ON f.id = t.family_id WHERE f.absolute_expires_at <= :dead LIMIT :limit)",
    "DELETE FROM vault WHERE session_id IN (SELECT v.session_id FROM vault v "
    "JOIN families f ON f.id = v.session_id WHERE f.absolute_expires_at <= :dead LIMIT :limit)",
    "DELETE FROM families WHERE id IN (SELECT f.id FROM families f WHERE f.absolute_expires_at <= :dead "
    "AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = f.id) "
    "AND NOT EXISTS (SELECT 1 FROM vault v WHERE v.session_id = f.id) LIMIT :limit)",
    "DELETE FROM barred_sessions WHERE session_hash IN "
    "(SELECT session_hash FROM barred_sessions WHERE until <= :now LIMIT :limit)",
    "DELETE FROM barred_subjects WHERE subject IN "
    "(SELECT subject FROM barred_subjects WHERE until <= :now LIMIT :limit)",
    "DELETE FROM logins WHERE session_hash IN (SELECT session_hash FROM logins WHERE until <= :now LIMIT :limit)",
    "DELETE FROM revocations WHERE sequence IN "
    "(SELECT sequence FROM revocations WHERE expires_at <= :now LIMIT :limit)",
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at <= :audited LIMIT :limit)",
)
"""Children before parents. Spent tokens of a living family stay: a replay is known by them."""

_FORGET = (
    "UPDATE refresh_tokens SET successor_sealed = NULL WHERE token_hash IN (SELECT token_hash FROM refresh_tokens "
    "WHERE successor_sealed IS NOT NULL AND used_at <= :spent LIMIT :limit)"
)


def delete_expired(connection: sqlite3.Connection, now: float, limit: int, audit_retention: float) -> int:
    """Delete up to `limit` expired rows, and audit entries older than `audit_retention` seconds; return how many.

    Forgets as many sealed successors whose grace is over; those rows stay and are not counted.
    """
    deleted = 0
    bounds = {"now": now, "dead": now - LEEWAY_ROOM, "audited": now - audit_retention}
    for step in _STEPS:
        bounds["limit"] = limit - deleted
        deleted += connection.execute(step, bounds).rowcount
    connection.execute(_FORGET, {"spent": now - LONGEST_GRACE, "limit": limit})
    return deleted

"""Subjects whose sessions are barred, and the sessions that began with a login since: the steps of transactions.

What came first is told by the numbers of revocations: no clock of a gateway decides it. The row of everybody has the
empty subject, which no user has.
"""

from gateway.stores.postgres_connection import Connection

_BAR = """
    INSERT INTO crossfade_barred_subjects AS bar (subject, sequence, until) VALUES ($1, $2, $3)
    ON CONFLICT (subject) DO UPDATE
    SET sequence = greatest(bar.sequence, excluded.sequence), until = greatest(bar.until, excluded.until)
"""
_NOTE_LOGIN = """
    INSERT INTO crossfade_logins AS login (session_hash, sequence, until)
    SELECT $2, (SELECT sequence FROM crossfade_revocation_counter), max(until)
    FROM crossfade_barred_subjects WHERE subject IN ($1, '') AND until > $3 HAVING count(*) > 0
    ON CONFLICT (session_hash) DO UPDATE
    SET sequence = greatest(login.sequence, excluded.sequence), until = greatest(login.until, excluded.until)
"""
_FOLLOW = """
    INSERT INTO crossfade_logins AS login (session_hash, sequence, until)
    SELECT $2, sequence, until FROM crossfade_logins WHERE session_hash = $1
    ON CONFLICT (session_hash) DO UPDATE
    SET sequence = greatest(login.sequence, excluded.sequence), until = greatest(login.until, excluded.until)
"""
_IS_BARRED = """
    SELECT 1 FROM crossfade_barred_sessions WHERE session_hash = $1 AND until > $2 AND barred_at >= coalesce($3, 0)
    UNION ALL
    SELECT 1 FROM crossfade_barred_subjects WHERE subject IN ($4, '') AND until > $2
    AND sequence > coalesce((SELECT sequence FROM crossfade_logins WHERE session_hash = $1), -1)
    LIMIT 1
"""


async def bar_subject(connection: Connection, subject: str, sequence: int, until: float) -> None:
    """Bar the sessions of a subject that began before the revocation of this number."""
    await connection.execute(_BAR, subject, sequence, until)


async def note_login(connection: Connection, subject: str, session_hash: bytes, now: float) -> None:
    """Remember a login, where a bar is in force that it could matter for."""
    await connection.execute(_NOTE_LOGIN, subject, session_hash, now)


async def follow_session(connection: Connection, old_session_hash: bytes, new_session_hash: bytes) -> None:
    """Let a session that goes on under another id keep its login."""
    await connection.execute(_FOLLOW, old_session_hash, new_session_hash)


async def is_barred(
    connection: Connection, session_hash: bytes, now: float, signed_at: float | None, subject: str
) -> bool:
    """Say whether a session was logged out, or began before its subject or everybody was barred."""
    return await connection.fetchval(_IS_BARRED, session_hash, now, signed_at, subject) is not None

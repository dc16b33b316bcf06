"""Subjects whose sessions are barred, and the sessions that began with a login since: the steps of transactions.

What came first is told by the numbers of revocations: no clock decides it. The row of everybody has the empty subject,
which no user has.
"""

import sqlite3

_BAR = """
    INSERT INTO barred_subjects (subject, sequence, until) VALUES (?, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET sequence = max(sequence, excluded.sequence), until = max(until, excluded.until)
"""
_NOTE_LOGIN = """
    INSERT INTO logins (session_hash, sequence, until)
    SELECT :hash, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocations'), 0), max(until)
    FROM barred_subjects WHERE subject IN (:subject, '') AND until > :now HAVING count(*) > 0
    ON CONFLICT (session_hash) DO UPDATE
    SET sequence = max(sequence, excluded.sequence), until = max(until, excluded.until)
"""
_FOLLOW = """
    INSERT INTO logins (session_hash, sequence, until)
    SELECT :new, sequence, until FROM logins WHERE session_hash = :old
    ON CONFLICT (session_hash) DO UPDATE
    SET sequence = max(sequence, excluded.sequence), until = max(until, excluded.until)
"""
_IS_BARRED = """
    SELECT 1 FROM barred_sessions WHERE session_hash = :hash AND until > :now AND barred_at >= coalesce(:signed_at, 0)
    UNION ALL
    SELECT 1 FROM barred_subjects WHERE subject IN (:subject, '') AND until > :now
    AND sequence > coalesce((SELECT sequence FROM logins WHERE session_hash = :hash), -1)
    LIMIT 1
"""


def bar_subject(connection: sqlite3.Connection, subject: str, sequence: int, until: float) -> None:
    """Bar the sessions of a subject that began before the revocation of this number."""
    connection.execute(_BAR, (subject, sequence, until))


def note_login(connection: sqlite3.Connection, subject: str, session_hash: bytes, now: float) -> None:
    """Remember a login, where a bar is in force that it could matter for."""
    connection.execute(_NOTE_LOGIN, {"subject": subject, "hash": session_hash, "now": now})


def follow_session(connection: sqlite3.Connection, old_session_hash: bytes, new_session_hash: bytes) -> None:
    """Let a session that goes on under another id keep its login."""
    connection.execute(_FOLLOW, {"old": old_session_hash, "new": new_session_hash})


def is_barred(
    connection: sqlite3.Connection, session_hash: bytes, now: float, signed_at: float | None, subject: str
) -> bool:
    """Say whether a session was logged out, or began before its subject or everybody was barred."""
    values = {"hash": session_hash, "now": now, "signed_at": signed_at, "subject": subject}
    return connection.execute(_IS_BARRED, values).fetchone() is not None

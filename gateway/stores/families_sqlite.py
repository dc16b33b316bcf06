"""Families and refresh tokens as rows of the embedded database: the steps that its transactions are made of."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import orjson

from gateway.model import Revocation, RevocationKind
from gateway.records import Family, RefreshRow, RotationDecision, SealedSession, rotated
from gateway.stores.audit_sqlite import AuditEntry, write_entry
from gateway.stores.revocation_sqlite import record_revocation

_FAMILY = (
    "f.id, f.subject, f.client_id, f.site, f.session_hash, f.claims, f.generation, f.created_at, "
    "f.idle_expires_at, f.absolute_expires_at, f.ended_at, f.ended_reason, f.bound_key"
)
_TOKEN = "t.token_hash, t.family_id, t.generation, t.issued_at, t.expires_at, t.used_at, t.successor_sealed"  # noqa: S105 - columns
LIVE = "f.ended_at IS NULL AND f.idle_expires_at > :now AND f.absolute_expires_at > :now"
"""The condition for a family `f` that can still be refreshed at `:now`."""

Parameters = dict[str, object]


def find_families(connection: sqlite3.Connection, where: str, parameters: Parameters) -> Sequence[Family]:
    """Return the families `f` that meet a condition of ours, the oldest first."""
    statement = f"SELECT {_FAMILY} FROM families f WHERE {where} ORDER BY f.created_at, f.id"  # noqa: S608
    return [_family(row) for row in connection.execute(statement, parameters)]


def find_token(connection: sqlite3.Connection, token_hash: bytes) -> tuple[Family, RefreshRow] | None:
    """Return a refresh token with its family, or None."""
    statement = f"SELECT {_FAMILY}, {_TOKEN} FROM refresh_tokens t JOIN families f ON f.id = t.family_id "  # noqa: S608
    row = connection.execute(statement + "WHERE t.token_hash = ?", (token_hash,)).fetchone()
    return None if row is None else (_family(row[:13]), RefreshRow(*row[13:]))


def insert_family(connection: sqlite3.Connection, family: Family) -> None:
    """Store a new family."""
    connection.execute(
        "INSERT INTO families VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
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
        ),
    )


def insert_token(connection: sqlite3.Connection, token: RefreshRow) -> None:
    """Store a new refresh token."""
    connection.execute(
        "INSERT INTO refresh_tokens VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            token.token_hash,
            token.family_id,
            token.generation,
            token.issued_at,
            token.expires_at,
            token.used_at,
            token.successor_sealed,
        ),
    )


def insert_vaulted(connection: sqlite3.Connection, entry: SealedSession) -> None:
    """Store the vaulted session of a new family."""
    connection.execute(
        "INSERT INTO vault VALUES (?, ?, ?, ?, ?)",
        (entry.session_id, entry.key_id, entry.sealed, entry.version, entry.expires_at),
    )


def succeed(
    connection: sqlite3.Connection, family: Family, row: RefreshRow, decision: RotationDecision, now: float
) -> Family:
    """Put the successor in the place of a presented token; return the family as it is now."""
    assert decision.successor is not None
    spent = connection.execute(
        "UPDATE refresh_tokens SET used_at = ?, successor_sealed = ? WHERE token_hash = ? AND used_at IS NULL",
        (now, decision.successor_sealed, row.token_hash),
    )
    if spent.rowcount != 1:
        raise sqlite3.IntegrityError("a refresh token has one successor")
    connection.execute(
        "UPDATE refresh_tokens SET successor_sealed = NULL WHERE family_id = ? AND generation = ?",
        (family.id, row.generation - 1),
    )
    insert_token(connection, decision.successor)
    family = rotated(family, decision)
    connection.execute(
        "UPDATE families SET generation = ?, idle_expires_at = ?, absolute_expires_at = ? WHERE id = ?",
        (family.generation, family.idle_expires_at, family.absolute_expires_at, family.id),
    )
    write_entry(connection, AuditEntry(now, family.subject, "token_rotated", family.id))
    return family


def end_family(connection: sqlite3.Connection, family: Family, reason: str, now: float) -> Family:
    """Mark a family as ended and delete what must not outlive it: its vault entry and its sealed token."""
    connection.execute("UPDATE families SET ended_at = ?, ended_reason = ? WHERE id = ?", (now, reason, family.id))
    connection.execute("UPDATE refresh_tokens SET successor_sealed = NULL WHERE family_id = ?", (family.id,))
    connection.execute("DELETE FROM vault WHERE session_id = ?", (family.id,))
    write_entry(connection, AuditEntry(now, family.subject, "family_ended", family.id, reason))
    return replace(family, ended_at=now, ended_reason=reason)


def revoke_family(connection: sqlite3.Connection, family: Family, reason: str, until: float) -> Revocation:
    """Record that the access tokens of a family are revoked."""
    return record_revocation(connection, Revocation(RevocationKind.FAMILY, family.id, until, reason))


def _family(row: Sequence[object]) -> Family:
    values = list(row)
    values[5] = orjson.loads(str(values[5]))
    return Family(*values)  # type: ignore[arg-type]  # the columns are selected in the order of the fields

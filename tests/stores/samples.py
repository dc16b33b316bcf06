"""Families, tokens and decisions for the tests of the stores. Times are small numbers: they are only parameters."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace

from gateway.model import Revocation, RevocationKind, VerifiedToken
from gateway.records import Decide, Family, RefreshOutcome, RefreshRow, RotationDecision, SealedSession

NOW = 1_000_000.0
SESSION = b"s" * 32
OTHER_SESSION = b"o" * 32
GRACE = 30.0


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def family(
    name: str = "f1",
    *,
    subject: str = "ada",
    client_id: str = "web",
    session_hash: bytes = SESSION,
    claims: Mapping[str, object] | None = None,
    idle: float = NOW + 500,
    absolute: float = NOW + 1000,
) -> Family:
    return Family(
        id=name,
        subject=subject,
        client_id=client_id,
        site="main",
        session_hash=session_hash,
        claims=claims or {},
        generation=1,
        created_at=NOW,
        idle_expires_at=idle,
        absolute_expires_at=absolute,
    )


def first_token(name: str = "f1") -> RefreshRow:
    return RefreshRow(digest(f"{name}-1"), name, 1, issued_at=NOW, expires_at=NOW + 500)


def sealed(name: str = "f1", *, version: int = 0, content: bytes = b"cookies") -> SealedSession:
    return SealedSession(name, "k1", content, version, NOW + 1000)


def chooser(fresh: str, now: float) -> Decide:
    """Decide as rotation does, in short: a new token succeeds once, repeats within the grace, and is a replay after.

    The token of generation n of a family is named after both; `fresh` tells the successors of racers apart.
    """

    def decide(owner: Family, row: RefreshRow) -> RotationDecision:
        if owner.ended_at is not None:
            return RotationDecision(RefreshOutcome.ENDED)
        if row.used_at is None:
            successor = RefreshRow(digest(fresh), owner.id, row.generation + 1, issued_at=now, expires_at=now + 500)
            idle = min(now + 500, owner.absolute_expires_at)
            return RotationDecision(RefreshOutcome.ROTATED, successor, f"sealed {fresh}".encode(), idle, fresh)
        if row.generation == owner.generation - 1 and now - row.used_at <= GRACE and row.successor_sealed:
            return RotationDecision(RefreshOutcome.GRACE, token=row.successor_sealed.decode().removeprefix("sealed "))
        return RotationDecision(RefreshOutcome.REPLAY)

    return decide


def seen(rows: list[RefreshRow]) -> Decide:
    """Change nothing, and note the row that was presented."""

    def decide(owner: Family, row: RefreshRow) -> RotationDecision:
        rows.append(row)
        return RotationDecision(RefreshOutcome.TOO_YOUNG)

    return decide


def revocation(kind: RevocationKind, name: str = "", *, until: float = NOW + 100, sequence: int = 0) -> Revocation:
    return Revocation(kind, name, until, "test", sequence)


TOKEN = VerifiedToken("ada", "f1", "t1", "web", 0, NOW, NOW, NOW + 60, {})


def token(**parts: object) -> VerifiedToken:
    return replace(TOKEN, **parts)  # type: ignore[arg-type]


class RealClock:
    """For stores that share their time with a real server."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

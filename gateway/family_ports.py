"""Families and refresh tokens, and the legacy sessions that yield none although the application accepts them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model import Revocation
from gateway.records import AuditEntry, Decide, Family, Presented, RefreshRow, Rotation, SealedSession


class SessionBars(Protocol):
    """Bars on a session that was logged out, on all sessions of a subject (`RefreshStore.end_subject`), and on all.

    Every method raises StoreUnavailable when the store cannot answer.
    """

    async def bar_session(self, session_hash: bytes, until: float, now: float) -> None:
        """Remember that a legacy session was logged out now: no family may be opened from it until then.

        Of several bars the longest and the latest count together.
        """
        ...

    async def bar_everybody(
        self, reason: str, revoked_until: float, barred_until: float, now: float
    ) -> Sequence[Revocation]:
        """Record one epoch for all and bar all sessions; families are ended by `end_oldest`, for there may be many."""
        ...

    async def note_login(self, subject: str, session_hash: bytes, now: float) -> None:
        """Remember that a session began with a login of the subject just now, if its sessions are barred at all."""
        ...

    async def is_barred(
        self, session_hash: bytes, now: float, *, subject: str = "", signed_at: float | None = None
    ) -> bool:
        """Say whether `bar_session` holds for it, or a bar of its subject or of everybody.

        Some sessions have the same key after the next login. What was signed later than the logout, if `signed_at`
        says when that was, is not barred by it; for its subject's bar that is no sign, since some sign again and again.
        """
        ...


class RefreshStore(SessionBars, Protocol):
    """Families, refresh tokens, and barred sessions. Each method is one transaction; acknowledged means durable.

    Every method raises StoreUnavailable when the store cannot answer, a lock time-out included: that is never taken
    for a replay, and nothing was changed unless the commit itself was lost.
    """

    async def open_family(
        self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
    ) -> bool:
        """Store a new family with its first token and its vault entry together.

        Returns False, and stores nothing, when the session already has `cap` live families.
        """
        ...

    async def find_presented(self, token_hash: bytes) -> Presented | None:
        """Return a refresh token with its family, whatever the state of either, as they are at one moment, or None."""
        ...

    async def rotate(self, token_hash: bytes, decide: Decide, now: float, *, seen: Presented | None = None) -> Rotation:
        """Present a refresh token: lock its family, let `decide` choose, carry it out.

        `seen` is what `find_presented` returned. Where it still holds, a store may rotate without looking again.
        What `decide` raises passes through, and nothing was changed.
        """
        ...

    async def find_family(self, family_id: str) -> Family | None:
        """Return the family, ended or not, or None."""
        ...

    async def find_family_of_token(self, token_hash: bytes) -> Family | None:
        """Return the family that a refresh token belongs to, whatever the state of either, or None."""
        ...

    async def families_of_session(self, session_hash: bytes, now: float) -> Sequence[Family]:
        """Return the live families that came from a legacy session."""
        ...

    async def families_of_subject(self, subject: str, now: float) -> Sequence[Family]:
        """Return the live families of a subject: their sessions are ended with them when it logs out everywhere."""
        ...

    async def end_families(
        self, family_ids: Sequence[str], reason: str, revoked_until: float, now: float
    ) -> Sequence[Revocation]:
        """End families with their vault entries and record their revocations, which live until `revoked_until`.

        Returns the recorded revocations, to be published; families that had ended already are not among them.
        """
        ...

    async def end_subject(
        self, subject: str, reason: str, revoked_until: float, now: float, *, barred_until: float = 0.0
    ) -> Sequence[Revocation]:
        """End all families of a subject and record one epoch for it, so that tokens issued before are refused.

        With `barred_until`, its sessions are barred until then, but for those that `note_login` was called for since.
        """
        ...

    async def end_oldest(self, created_until: float, reason: str, now: float, limit: int) -> int:
        """End up to `limit` families that were opened until then, without recording their revocations; how many.

        0 only when none is left, however many do this at once.
        """
        ...

    async def move_families(self, old_session_hash: bytes, new_session_hash: bytes, now: float) -> int:
        """Follow a rotated legacy session id; returns how many live families moved."""
        ...

    async def count_live(self, now: float) -> Mapping[str, int]:
        """Return the number of live families by client id."""
        ...

    async def delete_expired(self, now: float, limit: int) -> int:
        """Delete up to `limit` rows that nothing can need any more; returns how many."""
        ...


class History(Protocol):
    """What is known of families, ended ones included, for people to read."""

    async def of(self, *, subject: str, family_id: str, limit: int) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
        """Return the families of a subject or of one id, and the newest `limit` entries of the trail about them.

        Raises:
            StoreUnavailable: the store cannot answer.
        """
        ...

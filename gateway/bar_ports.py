"""Which legacy sessions yield no tokens, although the application accepts them: a part of the port `RefreshStore`."""

from collections.abc import Sequence
from typing import Protocol

from gateway.model import Revocation


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

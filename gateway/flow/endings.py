"""How tokens end: recorded where it lasts, then made known, then carried to what is open."""

from collections.abc import Sequence

from gateway.flow.grants import TokenPolicy
from gateway.flow.live import Live
from gateway.model import Revocation, RevocationKind, VerifiedToken
from gateway.ports import RefreshStore, RevocationLog, RevocationStore


class Endings:
    """Ends tokens, families and subjects. Every method raises StoreUnavailable when nothing could be recorded."""

    def __init__(
        self,
        *,
        policy: TokenPolicy,
        families: RefreshStore,
        log: RevocationLog,
        revocation: RevocationStore,
        live: Live,
    ) -> None:
        self._policy = policy
        self._families = families
        self._log = log
        self._revocation = revocation
        self._live = live

    async def end_families(self, family_ids: Sequence[str], reason: str, now: float) -> int:
        """End families; returns how many were still live."""
        if not family_ids:
            return 0
        revocations = await self._families.end_families(family_ids, reason, self._until(now), now)
        await self.announce(revocations)
        return len(revocations)

    async def end_subject(self, subject: str, reason: str, now: float) -> None:
        """End all families of a subject, and every token that was issued to it until now."""
        await self.announce(await self._families.end_subject(subject, reason, self._until(now), now))

    async def end_token(self, token: VerifiedToken, reason: str, now: float) -> None:
        """Revoke one access token for as long as anybody could accept it."""
        until = token.expires_at + self._policy.leeway
        revocation = Revocation(RevocationKind.TOKEN, token.token_id, until, reason)
        await self.announce(await self._log.record([revocation], now, token.session_id))

    async def announce(self, revocations: Sequence[Revocation]) -> None:
        """Make recorded revocations effective: for the next request, and for what is open already."""
        if revocations:
            await self._revocation.publish(revocations)
            self._live.end(revocations)

    def _until(self, now: float) -> float:
        """When no access token can be alive any more that was issued until now.

        The life of a family bounds that of its tokens, and unlike theirs it is long: a revocation still holds when
        `access` was shortened in the configuration while longer tokens were out.
        """
        return now + max(self._policy.refresh, self._policy.access) + self._policy.leeway

"""How tokens end: recorded where it lasts, then made known, then carried to what is open."""

from collections.abc import Sequence

from gateway.family_ports import RefreshStore
from gateway.flow.grants import TokenPolicy
from gateway.flow.live import Live
from gateway.lately import Lately
from gateway.model import Revocation, RevocationKind, VerifiedToken
from gateway.ports import RevocationLog, RevocationStore

COOKIE_LIFE = 400 * 86400.0
"""Seconds that a browser keeps a cookie at most (RFC 6265bis section 5.5): no session is shown for longer."""

_STEP = 500
"""Families that one transaction ends."""
_SKEW = 5.0
"""Seconds by which the clock of a gateway that opened a family may be ahead."""


_AGAIN = 60.0
"""Seconds for which a token that this process has revoked is not recorded a second time."""
_REVOKED = 2 << 20
"""Bytes of those that are remembered; one costs about 200."""
_ONE = 200


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
        self.policy = policy
        self._families = families
        self._log = log
        self._revocation = revocation
        self._live = live
        self._revoked: Lately[float] = Lately(_REVOKED)

    async def end_families(self, family_ids: Sequence[str], reason: str, now: float) -> int:
        """End families; returns how many were still live."""
        if not family_ids:
            return 0
        revocations = await self._families.end_families(family_ids, reason, self._until(now), now)
        await self.announce(revocations)
        return len(revocations)

    async def end_subject(self, subject: str, reason: str, now: float, *, bars: bool = False) -> None:
        """End all families of a subject, and every token that was issued to it until now.

        `bars` also keeps its sessions from being exchanged that did not begin with a login seen since.
        """
        barred_until = now + COOKIE_LIFE if bars else 0.0
        await self.announce(
            await self._families.end_subject(subject, reason, self._until(now), now, barred_until=barred_until)
        )

    async def end_everything(self, reason: str, now: float) -> int:
        """End all families and every token, and bar all sessions as `end_subject` does; returns how many families.

        Tokens that were refreshed while the families ended step by step are refused by a second epoch.
        """
        until = self._until(now)
        await self.announce(await self._families.bar_everybody(reason, until, now + COOKIE_LIFE, now))
        count = 0
        while ended := await self._families.end_oldest(now + _SKEW, reason, now, _STEP):
            count += ended
        await self.end_named(RevocationKind.EVERYTHING, "", reason, now)
        return count

    async def end_named(self, kind: RevocationKind, name: str, reason: str, now: float) -> None:
        """Revoke a token or a family by its name alone, whether or not anybody knows it."""
        await self.announce(await self._log.record([Revocation(kind, name, self._until(now), reason)], now))

    async def end_token(self, token: VerifiedToken, reason: str, now: float) -> None:
        """Revoke one access token for as long as anybody could accept it.

        Whoever has a token may ask for this as often as he likes, and each record costs every gateway something and
        the trail a line for months; so the same token is not recorded again at once.
        """
        recorded_at = self._revoked[token.token_id]
        if recorded_at is not None and recorded_at <= now < recorded_at + _AGAIN:
            return
        until = token.expires_at + self.policy.leeway
        revocation = Revocation(RevocationKind.TOKEN, token.token_id, until, reason)
        await self.announce(await self._log.record([revocation], now, token.session_id))
        self._revoked.keep(token.token_id, now, _ONE)

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
        return now + max(self.policy.refresh, self.policy.access) + self.policy.leeway

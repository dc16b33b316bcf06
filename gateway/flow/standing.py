"""Is a token still good, and which session does it stand for? Asked for every request that shows one."""

from collections.abc import Mapping, Sequence

from gateway.core.credentials import Site
from gateway.core.revocation import ensure_not_revoked
from gateway.core.verdicts import is_over_for
from gateway.core.verify import ensure_in_force
from gateway.errors import Forbidden, SessionEnded, SessionUndetermined
from gateway.flow.inference import Inference
from gateway.flow.recheck import End, Recheck
from gateway.model import LegacySession, SessionCookie, VaultedSession, VerifiedToken
from gateway.ports import RevocationStore, SessionStore, Vault


class TokenStanding:
    """What may have happened to a token since it was proved. `leeway` is in seconds."""

    def __init__(
        self,
        *,
        leeway: float,
        revocation: RevocationStore,
        recheck: Recheck,
        vault: Vault,
        sites: Sequence[Site],
        sessions: Mapping[str, SessionStore],
        end_family: End,
        inference: Inference,
    ) -> None:
        self._leeway = leeway
        self._revocation = revocation
        self._recheck = recheck
        self._vault = vault
        self._sites = {site.name: site for site in sites}
        self._upstreams = {site.upstream for site in sites}
        self._sessions = sessions
        self._end_family = end_family
        self._inference = inference

    async def ensure_good(self, token: VerifiedToken, now: float) -> None:
        """Check the token's times, the blacklist, and once for a family from before whether its session lives.

        Raises:
            InvalidToken: expired, not valid yet, or revoked.
            RevocationUnavailable: nobody can say whether it was revoked.
            SessionEnded: the session behind a family from before is over.
            SessionUndetermined, VaultUnavailable: nobody can say whether it is.
        """
        ensure_in_force(token, self._leeway, now)
        ensure_not_revoked(token, await self._revocation.look_up(token))
        if self._sites:
            await self._recheck.ensure_alive(token, now)

    async def find_session(self, token: VerifiedToken, upstream: str, now: float) -> VaultedSession | None:
        """Return the vaulted session to attach; None where the application is told by headers alone.

        The session is looked at as one with a cookie is: what its store has read to be over is over for the token too,
        and what nobody can say is left to the application, which gets the user's own cookie.

        Raises:
            Forbidden: the token speaks for a session of another application.
            SessionEnded: the family or the session has ended.
            VaultUnavailable: the session cannot be read.
            SessionUndetermined: nobody can say, and the application would believe our headers.
        """
        if upstream not in self._upstreams:
            return None
        vaulted = await self._vault.open(token)
        site = self._sites.get(vaulted.site)
        if site is None or site.upstream != upstream:
            raise Forbidden("The token does not stand for a session of this application.")
        seen = await self._sessions[site.name].resolve(SessionCookie(site.name, vaulted.cookies), now)
        verdict = self._inference.judge(site.name, vaulted.session_key, seen, now)
        if is_over_for(token.subject, verdict):
            await self._end_family(token, now)
            raise SessionEnded
        if site.bridge == "vault":
            return vaulted
        if not isinstance(verdict, LegacySession):
            raise SessionUndetermined
        return None

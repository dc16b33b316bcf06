"""Is a token still good, and which session does it stand for? Asked for every request that shows one."""

from collections.abc import Mapping, Sequence

from gateway.core.credentials import Site
from gateway.core.revocation import ensure_not_revoked
from gateway.core.verdicts import is_over_for
from gateway.core.verify import ensure_in_force
from gateway.errors import Forbidden, SessionEnded, SessionUndetermined
from gateway.flow.behind import SessionsBehind
from gateway.flow.recheck import End, Recheck
from gateway.model import CLEAR, LegacySession, Permit, Standing, VaultedSession, VerifiedToken
from gateway.ports import RememberedSessions, RevocationStore, Vault


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
        sessions: Mapping[str, RememberedSessions],
        behind: SessionsBehind,
        end_family: End,
    ) -> None:
        self._leeway = leeway
        self._revocation = revocation
        self.inquire = revocation.inquire
        self._recheck = recheck
        self._vault = vault
        self._sites = {site.name: site for site in sites}
        self._logout_paths = {site.name: {path.encode() for path in site.logout_paths} for site in sites}
        self._upstreams = {site.upstream for site in sites}
        self._sessions = sessions
        self._behind = behind
        self._end_family = end_family

    def is_good_at_once(self, token: VerifiedToken, now: float) -> bool:
        """Check what `ensure_good` checks, as far as nobody has to be waited for; False where somebody has to be asked.

        Raises:
            InvalidToken: expired, not valid yet, or revoked.
        """
        ensure_in_force(token, self._leeway, now)
        standing = self._revocation.glance(token)
        if standing is None:
            return False
        if standing is not CLEAR:
            ensure_not_revoked(token, standing)
        return not self._sites or self._recheck.is_needless(token)

    def is_unchanged(self, permit: Permit, token: VerifiedToken, standing: Standing, now: float) -> bool:
        """Whether a permit that was built before holds, where the blacklist says `standing` and the times are right.

        False where somebody else has to be asked.

        Raises:
            InvalidToken: revoked.
        """
        if standing is not CLEAR:
            ensure_not_revoked(token, standing)
        if self._sites and not self._recheck.is_needless(token):
            return False
        return permit.upstream not in self._upstreams or self.is_attached_at_once(token, permit.vaulted, now)

    def is_attached_at_once(self, token: VerifiedToken, vaulted: VaultedSession | None, now: float) -> bool:
        """Whether `find_session` would return the same vaulted session as before; False where somebody must be asked.

        That it belongs to the application was found out when it was attached first.
        """
        if vaulted is None:
            return False
        remembered = self._vault.glance(token)
        if remembered is not vaulted and remembered != vaulted:
            return False
        session = self._sessions[vaulted.site].glance(vaulted.as_shown, now)
        return session is not None and session.subject == token.subject

    async def ensure_good(self, token: VerifiedToken, now: float, standing: Standing | None = None) -> None:
        """Check the token's times, the blacklist, and once for a family from before whether its session lives.

        `standing` is what the blacklist has just said of it, where it was asked already.

        Raises:
            InvalidToken: expired, not valid yet, or revoked.
            RevocationUnavailable: nobody can say whether it was revoked.
            SessionEnded: the session behind a family from before is over.
            SessionUndetermined, VaultUnavailable: nobody can say whether it is.
        """
        ensure_in_force(token, self._leeway, now)
        ensure_not_revoked(token, await self._revocation.look_up(token) if standing is None else standing)
        if self._sites:
            await self._recheck.ensure_alive(token, now)

    async def find_session(
        self, token: VerifiedToken, upstream: str, now: float, *, path: bytes = b""
    ) -> VaultedSession | None:
        """Return the vaulted session to attach; None where the application is told by headers alone.

        A `path` where it logs out needs the session itself, or there would be nothing to log out.

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
        vaulted, verdict = await self._behind.resolve(vaulted, lambda: self._vault.open(token), now)
        if is_over_for(token.subject, verdict):
            await self._end_family(token, now)
            raise SessionEnded
        if site.bridge != "headers" or path in self._logout_paths[site.name]:
            return vaulted
        if not isinstance(verdict, LegacySession):
            raise SessionUndetermined
        return None

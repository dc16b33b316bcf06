"""When a form protection is satisfied for a client, and with whose secret."""

from collections.abc import Mapping, Sequence

from gateway.bridge.csrf import CsrfPairs
from gateway.core.credentials import Site
from gateway.core.translate import NO_SUPPLEMENT, Supplement
from gateway.flow.ready import SAFE
from gateway.model import Credential, LegacySession, RequestHead, SessionCookie, VaultedSession
from gateway.ports import SessionStore


class FormProtection:
    """Adds to an unsafe request what the application's own forms carry; only where a Bearer was the credential."""

    def __init__(self, pairs: CsrfPairs, sites: Sequence[Site], sessions: Mapping[str, SessionStore]) -> None:
        self._pairs = pairs
        self._sessions = sessions
        self._by_headers = {site.upstream: site.name for site in sites if site.bridge == "headers"}

    async def supplement(
        self, head: RequestHead, upstream: str, vaulted: VaultedSession | None, credential: Credential, now: float
    ) -> Supplement:
        """Return what to add to a request whose token was found good; nothing where that is not known or not due."""
        if credential is not Credential.BEARER or head.method in SAFE:
            return NO_SUPPLEMENT
        site = self._by_headers.get(upstream, "") if vaulted is None else vaulted.site
        check = self._pairs.find_check(site)
        if check is None:
            return NO_SUPPLEMENT
        if vaulted is None:  # no session is shown, so that none has a secret
            return self._pairs.supplement(check, (), "", now)
        secret = await self._secret(vaulted, now, is_needed=not check.cookie)
        return self._pairs.supplement(check, vaulted.cookies, secret, now)

    async def _secret(self, vaulted: VaultedSession, now: float, *, is_needed: bool) -> str:
        """Return the secret in the session; empty where it has none, or where nobody can say."""
        store, shown = self._sessions[vaulted.site], SessionCookie(vaulted.site, vaulted.cookies)
        verdict = await store.resolve(shown, now)
        if is_needed and isinstance(verdict, LegacySession) and not verdict.csrf:
            verdict = await store.resolve(shown, now, fresh=True)  # a page may have made it a moment ago
        return verdict.csrf if isinstance(verdict, LegacySession) else ""

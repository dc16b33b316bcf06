"""Who is asking: what a client can learn about its own credential, without acting on it."""

from collections.abc import Mapping

from gateway.core.credentials import Shown
from gateway.core.jose import TokenFault
from gateway.core.rotation import ensure_well_formed, hash_token
from gateway.errors import InvalidGrant, InvalidToken, SessionEnded, SessionUndetermined
from gateway.family_ports import RefreshStore
from gateway.flow.access import AccessTokens
from gateway.flow.grants import Whoami
from gateway.flow.remote import RemoteTokens
from gateway.model import (
    BearerToken,
    Credential,
    ForeignAuthorization,
    LegacySession,
    RemoteBearer,
    SessionCookie,
    TokenCookie,
    Undetermined,
    VerifiedToken,
)
from gateway.ports import SessionStore
from gateway.records import Family

NOBODY = Whoami(Credential.NONE)


class Identification:
    """Names the user behind a credential, in the order in which credentials count."""

    def __init__(
        self,
        *,
        access: AccessTokens,
        families: RefreshStore,
        sessions: Mapping[str, SessionStore],
        remote: RemoteTokens | None = None,
    ) -> None:
        self._families = families
        self._access = access
        self._remote = remote
        self._sessions = sessions

    async def of(self, shown: Shown, now: float, refresh_token: str | None = None) -> Whoami:
        """Say who is asking. See `TokenFlow.identify`."""
        match shown:
            case BearerToken():
                return _of_token(await self._access.check(shown.text, now), Credential.BEARER)
            case RemoteBearer():
                assert self._remote is not None
                remote = await self._remote.check(shown, now)
                return Whoami(Credential.BEARER, remote.subject, expires_at=remote.expires_at)
            case TokenCookie():
                return await self._of_token_cookie(shown, now, refresh_token)
            case ForeignAuthorization():
                return await self._of_session(shown.beside, now)
            case _:
                return await self._of_session(shown, now)

    async def _of_token_cookie(self, shown: TokenCookie, now: float, refresh_token: str | None) -> Whoami:
        """A token cookie that is not good leaves the word to the session, but where the next request renews it."""
        try:
            token = await self._access.check(shown.text, now)
        except InvalidToken as error:
            family = await self._find_renewing(refresh_token, now) if error.reason == TokenFault.EXPIRED else None
            if family is None:
                return await self._of_session(shown.beside, now)
            return Whoami(Credential.TOKEN_COOKIE, family.subject, family.id, expires_at=now)
        except SessionEnded:
            return await self._of_session(shown.beside, now)
        if token.bound_key:  # a cookie proves no key
            return await self._of_session(shown.beside, now)
        return _of_token(token, Credential.TOKEN_COOKIE)

    async def _find_renewing(self, refresh_token: str | None, now: float) -> Family | None:
        """Return the live family of a refresh token; whether that is spent is found out when it is used."""
        try:
            ensure_well_formed(refresh_token or "")
        except InvalidGrant:
            return None
        family = await self._families.find_family_of_token(hash_token(refresh_token or ""))
        if family is None or family.ended_at is not None or family.bound_key:
            return None
        return family if now < min(family.idle_expires_at, family.absolute_expires_at) else None

    async def _of_session(self, shown: SessionCookie | None, now: float) -> Whoami:
        if shown is None:
            return NOBODY
        verdict = await self._sessions[shown.site].resolve(shown, now)
        if isinstance(verdict, Undetermined):
            raise SessionUndetermined
        if not isinstance(verdict, LegacySession):
            return NOBODY
        return Whoami(Credential.SESSION, verdict.subject, expires_at=verdict.expires_at)


def _of_token(token: VerifiedToken, credential: Credential) -> Whoami:
    return Whoami(credential, token.subject, token.session_id, token.expires_at, token.bound_key)

"""The life of tokens: exchanged, refreshed, revoked, logged out. The one door to all of it."""

from collections.abc import Callable, Mapping

from gateway.core.credentials import Shown
from gateway.core.rotation import ensure_well_formed, hash_token
from gateway.errors import (
    ClientNotAllowed,
    InvalidGrant,
    InvalidToken,
    SessionEnded,
    SessionUnverifiable,
    TooManyFamilies,
    Unavailable,
    UnsupportedTokenType,
    VaultUnavailable,
)
from gateway.facts import Event
from gateway.family_ports import RefreshStore
from gateway.flow.access import AccessTokens, EnsureAlive
from gateway.flow.behind import SessionsBehind
from gateway.flow.clients import Client
from gateway.flow.endings import Endings
from gateway.flow.exchange import Exchange
from gateway.flow.grants import Grant, LogoutResult, Prove, TokenPolicy, TokenSecrets, Whoami, proves_nothing
from gateway.flow.live import Live
from gateway.flow.logout import Logout
from gateway.flow.orders import RevocationOrders
from gateway.flow.rates import TokenRates
from gateway.flow.refresh import Refresh
from gateway.flow.remote import RemoteTokens
from gateway.flow.whoami import Identification
from gateway.model import LegacySession, SessionCookie, VerifiedToken
from gateway.ports import Facts, KeySource, RevocationLog, RevocationStore, SessionEnder, SessionStore, Vault
from gateway.records import Family

__all__ = ["Grant", "LogoutResult", "TokenFlow", "TokenPolicy", "TokenSecrets", "Whoami"]

_VAULT_ATTEMPTS = 2  # a compare-and-set that was lost once sees what the winner wrote


class TokenFlow:
    """Issues, renews and ends tokens. Without `rates` nothing is limited.

    `living` is the vault in which a session whose time is over may be followed by another, where there is one.

    Every coroutine raises StoreUnavailable when the truth cannot be read or written; then nothing was acknowledged.
    """

    def __init__(
        self,
        *,
        policy: TokenPolicy,
        families: RefreshStore,
        log: RevocationLog,
        revocation: RevocationStore,
        keys: KeySource,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        enders: Mapping[str, SessionEnder],
        secrets: TokenSecrets,
        live: Live,
        facts: Facts,
        entropy: Callable[[int], bytes],
        behind: SessionsBehind,
        rates: TokenRates | None = None,
        remote: RemoteTokens | None = None,
        living: Vault | None = None,
    ) -> None:
        self._families, self._vault, self._remote = families, vault, remote
        self._secrets, self._facts = secrets, facts
        self._rates = rates = TokenRates() if rates is None else rates
        self._access = access = AccessTokens(policy=policy, keys=keys, log=log, revocation=revocation, entropy=entropy)
        self._endings = endings = Endings(policy=policy, families=families, log=log, revocation=revocation, live=live)
        self._exchange = Exchange(
            policy=policy,
            secrets=secrets,
            access=access,
            endings=endings,
            families=families,
            vault=vault,
            sessions=sessions,
            rates=rates,
            entropy=entropy,
        )
        self._refresh = Refresh(
            policy=policy,
            secrets=secrets,
            access=access,
            endings=endings,
            families=families,
            vault=living or vault,
            sessions=sessions,
            facts=facts,
            rates=rates,
            behind=behind,
            entropy=entropy,
        )
        self._logout = Logout(
            secrets=secrets,
            endings=endings,
            families=families,
            vault=vault,
            sessions=sessions,
            enders=enders,
            live=live,
            facts=facts,
        )
        self._identification = Identification(access=access, families=families, sessions=sessions, remote=remote)

    # --- given out ---

    async def ensure_address_may(self, address: str, *, now: float) -> None:
        """Count a request for tokens from an address, where that is switched on.

        Raises:
            TooMany: there were too many lately.
        """
        await self._rates.ensure_address_may(address, now)

    async def exchange(
        self,
        shown: SessionCookie,
        client: Client,
        *,
        now: float,
        idempotency_key: str = "",
        is_asked: bool = True,
        prove: Prove = proves_nothing,
    ) -> Grant:
        """Give tokens to a session (RFC 8693): a new family, its first refresh token and its vault entry in one.

        What nobody has asked for leaves half of the families that the session may have to those who do.

        With an `idempotency_key` the same request gives the same family and refresh token again within the grace.
        The tokens are bound to the key that `prove` returns the thumbprint of (RFC 9449).

        Raises:
            SessionUnverifiable: the cookies resolve to no user, nobody checked that the application would accept
                them, or the session was logged out.
            SessionUndetermined: nobody can say whose session it is.
            PhaseOff: its user is not in the rollout.
            TooManyFamilies: the session has as many as it may.
            TooMany: it, or its user, has asked too often lately.
            InvalidRequest: the idempotency key was used before the grace began.
            ProofRefused, Overloaded: as `prove` says.
        """
        try:
            grant = await self._exchange.open(
                shown, client, now=now, idempotency_key=idempotency_key, is_asked=is_asked, prove=prove
            )
        except (SessionUnverifiable, TooManyFamilies):
            self._facts.count(Event.EXCHANGE_REFUSED)
            raise
        self._facts.count(Event.EXCHANGED)
        return grant

    async def refresh(
        self, token: str, client: Client, *, now: float, prove: Prove = proves_nothing, has_cookie: bool = True
    ) -> Grant:
        """Exchange a refresh token for its successor and a fresh access token.

        However many race with one token within the grace, all get the same successor. A replay after it ends the
        family. The legacy session is looked at first, each time: when it is over, so is the family, and the family's
        end follows the session's as far as `policy.refresh` goes. An outage changes nothing: the token is good later.

        Raises:
            InvalidGrant: malformed, unknown, expired, spent, ended, of another client, or its session is over.
            ProofRefused: it is bound to another key than `prove` returns, or as `prove` says.
            SessionUndetermined: nobody can say, or nobody checks any more that the application would accept it.
            VaultUnavailable: the cookies of the session cannot be read.
            PhaseOff: its user is not in the rollout, and the browser can go by a session cookie (`has_cookie`).
            TooMany: the token is good, but the family or its user has asked too often lately.
        """
        return await self._refresh.rotate(token, client, now=now, prove=prove, has_cookie=has_cookie)

    async def ensure_same_user(self, token: str, beside: SessionCookie | None, *, now: float) -> None:
        """Check that a session cookie beside a refresh cookie is not another user's: there the session decides.

        Raises:
            InvalidGrant: it is, as on a computer that two people share.
        """
        await self._refresh.ensure_same_user(token, beside, now=now)

    # --- looked at ---

    def ask_before_accepting(self, ensure_alive: EnsureAlive) -> None:
        """Let `verify`, `identify` and `introspect` accept only tokens that pass `ensure_alive` too."""
        self._access.ensure_alive = ensure_alive

    async def verify(self, text: bytes, *, now: float) -> VerifiedToken:
        """Return an access token that is good now.

        Raises:
            InvalidToken: malformed, forged, expired, not for us or revoked.
            SessionEnded: the session behind it is found to be over.
            Unavailable: nobody can say.
        """
        return await self._access.check(text, now)

    async def identify(self, shown: Shown, *, now: float, refresh_token: str | None = None) -> Whoami:
        """Say who is asking, by the credential that counts. A refresh token is that beside a token cookie, if any.

        Raises:
            InvalidToken, SessionEnded: a Bearer that is not good; it never leaves the word to a cookie.
            Unavailable: nobody can say whether the token is good, or whose session it is.
        """
        return await self._identification.of(shown, now, refresh_token)

    async def introspect(self, token: str, *, now: float) -> Mapping[str, object]:
        """Return what a resource server may know of an access token (RFC 7662 section 2.2).

        Anything that is not a good access token, a refresh token included, is `{"active": False}`.

        Raises:
            Unavailable: nobody can say.
        """
        remote = self._remote.find(token) if self._remote is not None else None
        if self._remote is not None and remote is not None:
            return await self._remote.introspect(remote, now)
        try:
            verified = await self._access.check(token.encode("utf-8", "surrogatepass"), now)
        except (InvalidToken, SessionEnded):
            return {"active": False}
        # Its claims are ours and verified; `token_type` says how it is used (RFC 6749 section 5.1).
        return {**verified.claims, "active": True, "token_type": "DPoP" if verified.bound_key else "Bearer"}

    # --- ended ---

    @property
    def orders(self) -> RevocationOrders:
        """What an operator revokes by name."""
        return RevocationOrders(endings=self._endings, families=self._families)

    async def revoke(self, token: str, hint: str, client: Client, *, now: float) -> None:
        """Revoke a token of the client (RFC 7009): a refresh token ends its family, an access token only itself.

        `hint` may be wrong, and all kinds are looked for in any case. An unknown or expired token is none to revoke.

        Raises:
            ClientNotAllowed: the token was issued to another client.
            UnsupportedTokenType: it is one of another issuer whom we trust; only there it can be ended for everybody.
        """
        if self._remote is not None and self._remote.find(token) is not None:
            raise UnsupportedTokenType
        if await self._revoke_refresh_token(token, client, now):
            return
        try:
            verified = self._access.read(token.encode("utf-8", "surrogatepass"), now)
        except InvalidToken:
            return
        _ensure_issued_to(client, verified.client_id)
        await self._endings.end_token(verified, "revoked", now)

    async def _revoke_refresh_token(self, token: str, client: Client, now: float) -> bool:
        """Whether it had the form of a refresh token; its family, if there is one, is ended then."""
        try:
            ensure_well_formed(token)
        except InvalidGrant:
            return False
        family = await self._families.find_family_of_token(hash_token(token))
        if family is not None:
            _ensure_issued_to(client, family.client_id)
            await self._endings.end_families([family.id], "revoked", now)
        return True

    async def logout(
        self,
        *,
        token: VerifiedToken | None,
        refresh_token: str | None,
        shown: SessionCookie | None,
        everywhere: bool,
        now: float,
    ) -> LogoutResult:
        """Log out everything that the client shows: families, all others of the same session, and the session itself.

        The tokens end durably first; then the application is asked to end its session, and whether it did is part of
        the result. `everywhere` does the same for all sessions of the user that have tokens.
        """
        return await self._logout.end(
            token=token, refresh_token=refresh_token, shown=shown, everywhere=everywhere, now=now
        )

    async def end_session(self, session: LegacySession, reason: str, *, now: float) -> int:
        """End the families of a session that the application itself has ended; returns how many."""
        return await self._logout.follow(session, reason, now)

    async def has_families(self, session: LegacySession, *, now: float) -> bool:
        """Whether tokens that live came from a legacy session, under the id that it has here."""
        return bool(await self._families.families_of_session(self.session_hash(session.site, session.key), now))

    async def note_login(self, session: LegacySession, *, now: float) -> None:
        """Remember that a session began with a login just now: its tokens are not those that were revoked before."""
        await self._families.note_login(session.subject, self.session_hash(session.site, session.key), now)

    async def end_family(self, token: VerifiedToken, now: float) -> int:
        """End the family of a token whose session is found to be over; returns 1, or 0 if it had ended before."""
        return await self._endings.end_families([token.session_id], "session_ended", now)

    async def move_session(
        self, old: LegacySession, new: LegacySession, *, cookies: Mapping[bytes, bytes], now: float
    ) -> None:
        """Let the families of a session follow it to its new id, and their vaults take its new cookies.

        Never to another user: there they end. One family that fails does not hold the others back, and a second call
        with the same arguments does what was left undone.

        Raises:
            Unavailable: it was not done for all of them; the first reason.
        """
        if old.subject != new.subject:
            await self.end_session(old, "other_user", now=now)
            return
        old_hash, new_hash = self.session_hash(old.site, old.key), self.session_hash(new.site, new.key)
        await self._families.move_families(old_hash, new_hash, now)
        failures: list[Unavailable] = []
        for family in await self._families.families_of_session(new_hash, now):
            try:
                await self._revault(family, cookies, new.key)
            except Unavailable as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def _revault(self, family: Family, cookies: Mapping[bytes, bytes], session_key: str) -> None:
        """Put the new cookies into the vault of a family, if it has them not yet.

        Raises:
            VaultUnavailable: it cannot be read or written, or others write to it all the time.
        """
        for _ in range(_VAULT_ATTEMPTS):
            try:
                vaulted = await self._vault.open_family(family)
            except SessionEnded:
                return
            if vaulted.session_key == session_key or await self._vault.update(vaulted, cookies, session_key):
                return
        raise VaultUnavailable("A vaulted session is written to by others.")

    def session_hash(self, site: str, key: str) -> bytes:
        """Return the keyed hash by which families find their legacy session (32 bytes)."""
        return self._secrets.session_hash(site, key)


def _ensure_issued_to(client: Client, client_id: str) -> None:
    if client.id != client_id:
        raise ClientNotAllowed("The token was issued to another client.")

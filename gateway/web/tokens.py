"""The token endpoints: what of a request counts, who may ask, and what goes back in which way."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from gateway.core.credentials import Ours, Shown, Site, find_cookie, find_credential, find_sessions
from gateway.core.own_cookies import OwnCookies
from gateway.core.trust import NOBODY, TrustedProxies, find_client_address
from gateway.errors import (
    ClientNotAllowed,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidTarget,
    InvalidToken,
    IssuingSuspended,
    LoginRequired,
    ProofRefused,
    SessionEnded,
    Unavailable,
    UnsupportedGrantType,
)
from gateway.flow.clients import Client, GrantType, authenticate
from gateway.flow.grants import Prove
from gateway.flow.login import PasswordLogin
from gateway.flow.possession import Possession
from gateway.flow.tickets import LIFE, Tickets
from gateway.flow.tokens import Grant, LogoutResult, TokenFlow
from gateway.headers import Pairs
from gateway.http1.ticket import PARAMETER, with_ticket
from gateway.login_ports import Password
from gateway.model import BearerToken, RequestHead, TokenCookie, VerifiedToken
from gateway.ports import Clock
from gateway.web.form import Form, ensure_no_query, ensure_parameter, find_flag, read_form
from gateway.web.guard import Guard
from gateway.web.reception import Gate, Refused
from gateway.web.visit import Visitor, head_of, json, told_of, visitor_of

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693 section 3
SESSION_COOKIE_TYPE = "urn:crossfade:params:oauth:token-type:session-cookie"

_IDEMPOTENCY_KEY = re.compile(rb"[\x21-\x7e]{8,200}")
_TARGET = re.compile(r"/(?!/)[!$-;=@-\[\]-~]{0,2000}(?:\?[!$-;=?-~]{0,4000})?")
_SESSION_WORDS: Mapping[bool | None, str] = {True: "ended", False: "unknown", None: "none"}


@dataclass(frozen=True, slots=True)
class TokenEndpoints:
    """One method per address. `audience` is the one that our tokens are for."""

    tokens: TokenFlow
    gate: Gate
    clients: Mapping[str, Client]
    guard: Guard
    cookies: OwnCookies
    ours: Ours
    sites: Sequence[Site]
    audience: str
    clock: Clock
    tickets: Tickets
    possession: Possession = field(default_factory=Possession)
    proxies: TrustedProxies = NOBODY
    login: PasswordLogin | None = None

    # --- POST token (RFC 6749 section 3.2, RFC 8693) ---

    async def token(self, request: Request) -> Response:
        """Exchange a session, a refresh token or a password for tokens."""
        if not self.gate.posture.issues:
            raise IssuingSuspended(self.gate.posture.phase)
        await self.tokens.ensure_address_may(self._address(request), now=self.clock.wall())
        form = await read_form(request)
        client = self._client(request, form)
        grant_type = ensure_parameter(form, "grant_type")
        has_login = self.login is not None and self.login.is_offered
        if grant_type not in set(GrantType) or (grant_type == GrantType.PASSWORD and not has_login):
            raise UnsupportedGrantType
        client.ensure_may(GrantType(grant_type))
        if grant_type == GrantType.TOKEN_EXCHANGE:
            return await self._exchange(head_of(request), form, client)
        if grant_type == GrantType.PASSWORD:
            return await self._log_in(visitor_of(request.scope), form, client)
        return await self._refresh(request, form, client)

    def _address(self, request: Request) -> str:
        visitor = visitor_of(request.scope)
        return find_client_address(visitor.head, visitor.peer, self.proxies)

    async def _exchange(self, head: RequestHead, form: Form, client: Client) -> Response:
        _ensure_exchange(form, self.audience)
        if client.delivery == "cookie":
            self.guard.ensure_own_page(head)
        else:
            self.guard.ensure_program(head)
        shown = find_sessions(head.cookie, self.sites)
        if shown is None:
            raise LoginRequired
        now = self.clock.wall()
        grant = await self.tokens.exchange(
            shown, client, now=now, idempotency_key=_idempotency_key(head), prove=self._prove(head, client, now)
        )
        return self._deliver(grant, client, {"issued_token_type": ACCESS_TOKEN_TYPE})

    async def _log_in(self, visitor: Visitor, form: Form, client: Client) -> Response:
        """Log in to the application for the client, and exchange the session that it opened."""
        assert self.login is not None
        site = self.login.site_named(form.get("site", ""))
        if client.delivery == "cookie":
            self.guard.ensure_own_page(visitor.head)  # or a strange page could sign somebody in as its author
        else:
            self.guard.ensure_no_page(visitor.head)
        typed = Password(ensure_parameter(form, "username"), ensure_parameter(form, "password"))
        now = self.clock.wall()
        # Before the login: an application has opened a session when a proof is refused after it.
        bound_key = await self._prove(visitor.head, client, now)()
        address = find_client_address(visitor.head, visitor.peer, self.proxies)
        shown = await self.login.sign_in(site, typed, address=address, told=told_of(visitor, self.proxies), now=now)
        grant = await self.tokens.exchange(shown, client, now=now, prove=partial(_proved, bound_key))
        return self._deliver(grant, client, {})

    async def _refresh(self, request: Request, form: Form, client: Client) -> Response:
        head, now = head_of(request), self.clock.wall()
        if client.delivery == "body":
            self.guard.ensure_no_page(head)
            token = ensure_parameter(form, "refresh_token")
            grant = await self.tokens.refresh(token, client, now=now, prove=self._prove(head, client, now))
            return self._deliver(grant, client, {})
        self.guard.ensure_own_page(head)
        if "refresh_token" in form:
            raise InvalidRequest("The refresh token of this client travels in its cookie.")
        try:
            token = self._refresh_cookie(head)
            beside = find_sessions(head.cookie, self.sites)
            await self.tokens.ensure_same_user(token, beside, now=now)
            grant = await self.tokens.refresh(token, client, now=now, prove=self._prove(head, client, now))
        except InvalidGrant as error:
            # It will never be good again. An outage is another error, and clears nothing.
            raise Refused(error, self.cookies.deleting()) from error
        return self._deliver(grant, client, {})

    def _prove(self, head: RequestHead, client: Client, now: float) -> Prove:
        """Return what finds the key that the request proves, for when it is worth finding."""

        async def prove() -> str:
            bound_key = await self.possession.find_key(head, now)
            if client.is_bound and not bound_key:
                raise ProofRefused("The client shows a proof with each token request.")
            return bound_key

        return prove

    def _refresh_cookie(self, head: RequestHead) -> str:
        value = find_cookie(head.cookie, self.cookies.refresh)
        if value is None:
            raise InvalidGrant("absent")
        return value.decode("latin-1")

    def _deliver(self, grant: Grant, client: Client, extra: Mapping[str, object]) -> Response:
        body: dict[str, object] = {
            "access_token": grant.access_token,
            "token_type": "DPoP" if grant.bound_key else "Bearer",
            "expires_in": grant.expires_in,
            "refresh_expires_in": grant.refresh_expires_in,
            # Whose token it is and how things stand: a client must not look into it (RFC 9068 section 6).
            "subject": grant.family.subject,
            "phase": self.gate.posture.phase,
            **extra,
        }
        scope = grant.family.claims.get("scope")
        if isinstance(scope, str):
            body["scope"] = scope
        cookies: Pairs = []
        if client.gets_access_cookie and not grant.bound_key:  # whoever has a cookie alone proves no key
            cookies = self.cookies.giving(grant.access_token, grant.refresh_token, grant.refresh_expires_in)
        elif client.delivery == "cookie":
            cookies = self.cookies.keeping(grant.refresh_token, grant.refresh_expires_in)
        else:
            body["refresh_token"] = grant.refresh_token
        return json(body, cookies)

    # --- POST revoke (RFC 7009) and POST introspect (RFC 7662) ---

    async def revoke(self, request: Request) -> Response:
        """Revoke a token. Whoever holds it could use it, so nothing but its client is asked for."""
        form = await read_form(request)
        client = self._client(request, form)
        token = ensure_parameter(form, "token")
        await self.tokens.revoke(token, form.get("token_type_hint", ""), client, now=self.clock.wall())
        return json({})

    async def introspect(self, request: Request) -> Response:
        """Tell a resource server whether a token is good; it must prove who it is."""
        form = await read_form(request)
        if head_of(request).authorization is None:
            raise InvalidClient
        client = self._client(request, form)
        token = ensure_parameter(form, "token")
        if client.audiences and self.audience not in client.audiences:
            return json({"active": False})
        return json(await self.tokens.introspect(token, now=self.clock.wall()))

    def _client(self, request: Request, form: Form) -> Client:
        if "client_secret" in form:
            raise InvalidRequest("A client authenticates with HTTP Basic.")
        return authenticate(self.clients, head_of(request).authorization, form.get("client_id", ""))

    # --- POST logout ---

    async def logout(self, request: Request) -> Response:
        """Log out what the request shows: for a page of our own its cookies, for others a Bearer or a refresh token."""
        form = await read_form(request)
        head = head_of(request)
        everywhere = find_flag(form, "everywhere")
        if "refresh_token" in form:
            self.guard.ensure_no_page(head)
        if self.guard.is_own_page(head):
            return await self._logout_page(head, everywhere=everywhere)
        return await self._logout_program(head, form.get("refresh_token"), everywhere=everywhere)

    async def _logout_page(self, head: RequestHead, *, everywhere: bool) -> Response:
        now = self.clock.wall()
        cookie = find_cookie(head.cookie, self.cookies.refresh)
        shown = find_sessions(head.cookie, self.sites)
        token = None
        try:
            token = await self._find_bearer(head, now)
        except (InvalidToken, SessionEnded, Unavailable):
            if cookie is None and shown is None:  # else the cookies say who logs out
                raise
        refresh_token = cookie.decode("latin-1") if cookie is not None else None
        result = await self.tokens.logout(
            token=token, refresh_token=refresh_token, shown=shown, everywhere=everywhere, now=now
        )
        response = json(_told(result), self.cookies.deleting(result.delete))
        # Pages of the user must not come back from the cache (OWASP, session management).
        response.headers["clear-site-data"] = '"cache"'
        return response

    async def _logout_program(self, head: RequestHead, refresh_token: str | None, *, everywhere: bool) -> Response:
        now = self.clock.wall()
        token = await self._find_bearer(head, now)
        if token is None and refresh_token is None:
            self.guard.ensure_own_page(head)
        result = await self.tokens.logout(
            token=token, refresh_token=refresh_token, shown=None, everywhere=everywhere, now=now
        )
        return json(_told(result))

    async def _find_bearer(self, head: RequestHead, now: float) -> VerifiedToken | None:
        credential = find_credential(head, self.ours, ())
        if not isinstance(credential, BearerToken):
            return None
        token = await self.tokens.verify(credential.text, now=now)
        await self.possession.ensure(head, token.bound_key, now)
        return token

    # --- POST ticket ---

    async def ticket(self, request: Request) -> Response:
        """Give a ticket for one GET of one address, to whoever shows a Bearer."""
        form = await read_form(request)
        target = ensure_parameter(form, "path")
        if _TARGET.fullmatch(target) is None or PARAMETER.decode() in target:
            raise InvalidRequest("The path begins with a slash and is written as in a request.")
        head, now = head_of(request), self.clock.wall()
        token = await self._find_bearer(head, now)
        shown = find_credential(head, self.ours, ())
        if token is None or not isinstance(shown, BearerToken):
            raise LoginRequired
        if token.bound_key:
            raise ClientNotAllowed("A ticket would not be bound to the key that the token is bound to.")
        ticket = self.tickets.make(shown.text, target.encode("ascii"), now)
        return json({"url": with_ticket(target, ticket), "expires_in": LIFE})

    # --- GET session ---

    async def session(self, request: Request) -> Response:
        """Say who is asking, with which credential, for how long, and in which phase."""
        ensure_no_query(request)
        now = self.clock.wall()
        head = head_of(request)
        shown = find_credential(head, self.ours, self.sites)
        found = await self.tokens.identify(shown, now=now, refresh_token=self._find_renewing(head, shown))
        if isinstance(shown, BearerToken):
            await self.possession.ensure(head, found.bound_key, now)
        return json(
            {
                "credential": found.credential,
                "subject": found.subject or None,
                "session_id": found.session_id or None,
                "expires_in": _seconds_left(found.expires_at, now),
                "phase": self.gate.posture.phase,
            }
        )

    def _find_renewing(self, head: RequestHead, shown: Shown) -> str | None:
        """Return the refresh token with which the next request would renew a token cookie."""
        if not isinstance(shown, TokenCookie) or not any(client.gets_access_cookie for client in self.clients.values()):
            return None
        cookie = find_cookie(head.cookie, self.cookies.refresh)
        return cookie.decode("latin-1") if cookie is not None else None


async def _proved(bound_key: str) -> str:
    return bound_key


def _seconds_left(expires_at: float | None, now: float) -> int | None:
    """Return whole seconds; 0 within the leeway of clocks, None where nobody knows the end."""
    return None if expires_at is None else max(0, int(expires_at - now))


def _told(result: LogoutResult) -> dict[str, object]:
    return {"families": result.families, "session": _SESSION_WORDS[result.session_gone]}


def _ensure_exchange(form: Form, audience: str) -> None:
    """Check the parameters of RFC 8693 section 2.1. `subject_token` is not read: the subject is the Cookie header.

    Raises:
        InvalidRequest: one of them asks for what is not offered.
    """
    if ensure_parameter(form, "subject_token_type") != SESSION_COOKIE_TYPE:
        raise InvalidRequest("The subject of an exchange is a session cookie.")
    if form.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise InvalidRequest("Only access tokens are given out.")
    if form.get("audience", audience) != audience or "resource" in form:
        raise InvalidTarget
    if "actor_token" in form:
        raise InvalidRequest("Nobody acts for somebody else here.")


def _idempotency_key(head: RequestHead) -> str:
    value = head.find(b"idempotency-key")
    if value is None:
        return ""
    if _IDEMPOTENCY_KEY.fullmatch(value) is None:
        raise InvalidRequest("An Idempotency-Key has 8 to 200 visible characters.")
    return value.decode("ascii")

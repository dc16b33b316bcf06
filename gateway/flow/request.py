"""The story of a request: the one place that decides in which order things are asked.

It awaits futures only (see `ports`), so that the wire can step it by hand and the ASGI shell can simply await it.
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gateway.core.cors import CrossOrigin, is_any_preflight
from gateway.core.credentials import Ours, Site, find_credential, find_sessions
from gateway.core.own_cookies import OwnCookies
from gateway.core.phases import Posture
from gateway.core.rescue import answer_error
from gateway.core.routes import Access, RouteTable, Rule
from gateway.core.translate import Translator
from gateway.errors import (
    AmbiguousPath,
    BadRequest,
    GatewayError,
    LoginRequired,
    Unauthenticated,
)
from gateway.facts import Event
from gateway.flow.delivery import Delivery
from gateway.flow.forms import FormProtection
from gateway.flow.inquiry import Inquiry
from gateway.flow.passthrough import ensure_open, shows_token_of
from gateway.flow.possession import Possession
from gateway.flow.prove import Prover
from gateway.flow.ready import Ready
from gateway.flow.remote import RemoteTokens
from gateway.flow.session_admission import SessionAdmission, never
from gateway.flow.standing import TokenStanding
from gateway.flow.tickets import Tickets
from gateway.flow.token_admission import TokenAdmission, TokenPolicy
from gateway.model import (
    Answer,
    BearerToken,
    Credential,
    ForeignAuthorization,
    Peer,
    Permit,
    RemoteBearer,
    RequestHead,
    Standing,
    TokenCookie,
    Visit,
)
from gateway.ports import Facts, RememberedSessions

Decision = Permit | Visit | Answer

_PUBLIC, _TOKEN_COOKIE = Access.PUBLIC, Credential.TOKEN_COOKIE  # a member is a look-up in its class each time


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """What the story is told by the configuration. `endpoints` maps our own paths to their names."""

    ours: Ours
    sites: tuple[Site, ...]
    endpoints: Mapping[bytes, str]
    browsers: frozenset[str] = frozenset()
    """The clients that get their tokens as cookies: only they are handed their session cookie back."""
    cross_origin: CrossOrigin = field(default_factory=CrossOrigin)
    is_secure: bool = True
    """The public URL is https, so that cookies handed back are `Secure`."""
    cookies: OwnCookies = field(default_factory=OwnCookies)


class RequestFlow:
    """Admits requests. `posture` is the phase in force, `routes` the rules; whoever changes one assigns a new one."""

    def __init__(
        self,
        *,
        policy: RequestPolicy,
        posture: Posture,
        routes: RouteTable,
        translator: Translator,
        prover: Prover,
        forms: FormProtection,
        standing: TokenStanding,
        sessions: Mapping[str, RememberedSessions],
        facts: Facts,
        tickets: Tickets,
        possession: Possession | None = None,
        remote: RemoteTokens | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        self.posture = posture
        self._policy = policy
        self.routes = routes
        self._ready = Ready()
        self._logout_paths = {one.encode() for site in policy.sites for one in site.logout_paths}
        self._translator = translator
        self._prover = prover
        self._standing = standing
        self._sessions = sessions
        self._facts = facts
        self._tickets = tickets
        self._remote = remote
        self._sites_of = _by_upstream(policy.sites)
        self._by_session = SessionAdmission(
            sites=policy.sites,
            sessions=sessions,
            prover=prover,
            translator=translator,
            facts=facts,
            is_exchanged=never if delivery is None else delivery.is_due,
        )
        self._by_token = TokenAdmission(
            policy=TokenPolicy(policy.ours, self._sites_of, policy.browsers, policy.is_secure, policy.cookies),
            translator=translator,
            prover=prover,
            forms=forms,
            standing=standing,
            possession=Possession() if possession is None else possession,
            by_session=self._by_session,
            facts=facts,
            delivery=delivery,
        )

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Decision | Coroutine[Any, Any, Decision] | Inquiry:
        """Decide what becomes of a request: at once, which is the rule, or return the rest of the story.

        Where the rest is one question to the blacklist, that is an `Inquiry`, which spares the story.

        A `Permit` goes to the application, a `Visit` to our own endpoints, an `Answer` straight back.

        Raises:
            GatewayError: the request is refused; `refuse` makes the answer of it. The story raises it, too.
        """
        posture, path = self.posture, head.path
        endpoint = self._policy.endpoints.get(path)
        if endpoint is not None and (not posture.is_transparent or head.asks is not None):
            return Visit(endpoint)
        rule, ambiguity = self.routes.find(path)
        if ambiguity:
            self._ensure_clear(ambiguity, rule, posture)
        is_preflight = head.method == b"OPTIONS" and is_any_preflight(head)
        if is_preflight and self._policy.cross_origin.is_preflight(head):
            return self._policy.cross_origin.answer_preflight(head)  # in every phase: a page must hear that we are off
        if posture.is_transparent:
            return self._pass_through(head, rule)
        if is_preflight:
            return self._translator.public(head, rule)  # it carries no credential, and none may be asked of it
        if rule.auth is _PUBLIC:
            return self._admit_public(head, rule)
        if head.ticket is not None and rule.auth is not Access.PASSTHROUGH:
            return self._by_ticket(head, rule, now)
        ready = self._ready.find(head, rule, posture, self._prover.keys.generation)
        if ready is None or path in self._logout_paths:
            return self._admit_by_credential(head, rule, now)
        if self._is_unchanged_at_once(ready, now):
            return ready
        token = ready.token
        if token is None or ready.credential is _TOKEN_COOKIE:
            return self._admit_known(ready, head, rule, now)
        return Inquiry(ready, token, self._standing, now, partial(self._admit_known, ready, head, rule, now))

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Turn an error into the answer for this client: a problem, a plain page, or the way to the login."""
        login_url = ""
        if head is not None and isinstance(error, Unauthenticated):
            login_url = self._login_url(head)
        answer = answer_error(error, head=head, request_id=request_id, login_url=login_url)
        if head is None:
            return answer
        extra = self._policy.cross_origin.response_fields(head)
        if isinstance(error, BadRequest):
            extra = [*extra, *self._policy.cookies.deleting_doubled(head.cookie)]
        return replace(answer, fields=(*answer.fields, *extra)) if extra else answer

    # --- which rule, which credential ---

    def _ensure_clear(self, ambiguity: str, rule: Rule, posture: Posture) -> None:
        if ambiguity not in rule.relaxed:
            if posture.enforces_paths:
                raise AmbiguousPath
            self._facts.count(Event.PATH_WOULD_REFUSE)

    def _admit_public(self, head: RequestHead, rule: Rule) -> Permit:
        if rule.forward_credentials:
            return self._translator.forwarded(head, rule, has_our_token=self._has_our_token(head))
        return self._translator.public(head, rule)

    async def _admit_by_credential(self, head: RequestHead, rule: Rule, now: float) -> Permit:
        sites = self._sites_of.get(rule.upstream, ())
        if rule.auth is Access.PASSTHROUGH:
            bare = replace(head, authorization=None)
            shown = find_credential(bare, self._policy.ours, sites)
            if isinstance(shown, TokenCookie):
                permit = await self._by_token.admit_cookie(shown, bare, rule, self.posture, now)
            else:
                permit = await self._by_session.admit(head, rule, find_sessions(head.cookie, sites), self.posture, now)
            if head.authorization is None or self._has_our_token(head):
                return permit
            return replace(permit, authorization=head.authorization, is_private=True)
        # As it is proved now: while the stores are asked, the key may be given up and the phase may change.
        posture, stamp = self.posture, self._prover.keys.generation
        credential = find_credential(head, self._policy.ours, sites)
        match credential:
            case BearerToken():
                permit = await self._by_token.admit(credential.text, Credential.BEARER, head, rule, posture, now)
            case RemoteBearer():
                assert self._remote is not None
                return await self._remote.admit(credential, head, rule, self._translator, now)
            case TokenCookie():
                permit = await self._by_token.admit_cookie(credential, head, rule, posture, now)
                if permit.credential is not Credential.TOKEN_COOKIE:
                    return permit  # what became of the cookie is found out each time
            case ForeignAuthorization():
                return await self._by_foreign(credential, head, rule, posture, now)
            case _:
                permit = await self._by_session.admit(head, rule, credential, posture, now)
        if head.path not in self._logout_paths:  # where a session may be attached that is attached nowhere else
            self._ready.keep(head, rule, posture, stamp, permit)
        return permit

    async def _admit_known(
        self, ready: Permit, head: RequestHead, rule: Rule, now: float, standing: Standing | None = None
    ) -> Permit:
        if await self._is_unchanged(ready, now, standing):
            return ready
        return await self._admit_by_credential(head, rule, now)

    def _is_unchanged_at_once(self, permit: Permit, now: float) -> bool:
        """Ask anew whatever is a verdict, as far as nobody has to be waited for; False where `_is_unchanged` decides.

        Raises:
            InvalidToken: a token that is not good any more.
        """
        token = permit.token
        if permit.credential is _TOKEN_COOKIE:
            return False
        if token is not None:
            return self._standing.is_good_at_once(token, now) and (
                permit.upstream not in self._sites_of or self._standing.is_attached_at_once(token, permit.vaulted, now)
            )
        shown = permit.shown
        if shown is None:
            return True
        session = self._sessions[shown.site].glance(shown, now)
        if session is None or session is not permit.session:
            return False
        self._facts.count(Event.SESSION_USER)
        return True

    async def _is_unchanged(self, permit: Permit, now: float, standing: Standing | None) -> bool:
        """Ask anew whatever is a verdict about a credential; a token that is not good any more is refused here.

        `standing` is what the blacklist has just said of its token, where it was asked already.
        Returns whether the permit is what would be built now.
        """
        token = permit.token
        if permit.credential is Credential.TOKEN_COOKIE:
            return await self._by_token.is_unchanged(permit, now)
        if token is not None:
            await self._standing.ensure_good(token, now, standing)
            if permit.upstream not in self._sites_of:
                return True
            vaulted = await self._standing.find_session(token, permit.upstream, now)
            return vaulted is permit.vaulted or vaulted == permit.vaulted
        shown = permit.shown
        if shown is None:
            return True
        is_same = await self._sessions[shown.site].resolve(shown, now) is permit.session
        if is_same:
            self._facts.count(Event.SESSION_USER)
        return is_same

    # --- one way per credential ---

    async def _by_ticket(self, head: RequestHead, rule: Rule, now: float) -> Permit:
        ticket = self._tickets.open(head, now)
        permit = await self._by_token.admit(ticket.token, Credential.BEARER, head, rule, self.posture, now)
        await self._tickets.spend(ticket, now)  # at last: an outage costs nobody a ticket
        return permit

    async def _by_foreign(
        self, foreign: ForeignAuthorization, head: RequestHead, rule: Rule, posture: Posture, now: float
    ) -> Permit:
        self._facts.count(Event.FOREIGN_AUTHORIZATION)
        if rule.auth is Access.REQUIRED:
            raise LoginRequired
        if foreign.beside is not None:
            await self._by_session.ensure_may_travel(foreign.beside, head, posture, now)
        return self._translator.foreign(head, rule, foreign.beside)

    def _pass_through(self, head: RequestHead, rule: Rule) -> Permit:
        ensure_open(rule)
        return self._translator.transparent(head, rule, has_our_token=self._has_our_token(head))

    # --- small questions ---

    def _has_our_token(self, head: RequestHead) -> bool:
        return shows_token_of(self._policy.ours.issuer, head)

    def _login_url(self, head: RequestHead) -> str:
        try:
            upstream = self.routes.match(head.target).rule.upstream
        except GatewayError:
            return ""
        sites = self._sites_of.get(upstream, ())
        return sites[0].login_url if sites else ""


def _by_upstream(sites: Sequence[Site]) -> dict[str, tuple[Site, ...]]:
    found: dict[str, tuple[Site, ...]] = {}
    for site in sites:
        found[site.upstream] = (*found.get(site.upstream, ()), site)
    return found

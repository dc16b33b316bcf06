"""The story of a request: the one place that decides in which order things are asked.

It awaits futures only (see `ports`), so that the wire can step it by hand and the ASGI shell can simply await it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.bridge.csrf import CsrfPairs
from gateway.core.cors import CrossOrigin, is_any_preflight
from gateway.core.credentials import Ours, Site, find_credential, find_sessions
from gateway.core.jose import TokenFault
from gateway.core.phases import Posture
from gateway.core.rescue import answer_error
from gateway.core.routes import Access, RouteTable, Rule
from gateway.core.translate import NO_SUPPLEMENT, Proof, Translator
from gateway.core.verdicts import is_nobody
from gateway.errors import (
    AmbiguousPath,
    GatewayError,
    InvalidToken,
    LoginRequired,
    SessionEnded,
    SessionUndetermined,
    Unauthenticated,
)
from gateway.facts import Event
from gateway.flow.handback import handed_back
from gateway.flow.passthrough import ensure_open, shows_token_of
from gateway.flow.possession import Possession
from gateway.flow.prove import Prover
from gateway.flow.ready import SAFE, Ready
from gateway.flow.remote import RemoteTokens
from gateway.flow.standing import TokenStanding
from gateway.flow.tickets import Tickets
from gateway.headers import write_set_cookie
from gateway.model import (
    Anonymous,
    Answer,
    BearerToken,
    Credential,
    ForeignAuthorization,
    LegacySession,
    Peer,
    Permit,
    Phase,
    RemoteBearer,
    RequestHead,
    SessionCookie,
    TokenCookie,
    Undetermined,
    VaultedSession,
    Visit,
)
from gateway.ports import Facts, SessionStore


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
        csrf: CsrfPairs,
        standing: TokenStanding,
        sessions: Mapping[str, SessionStore],
        facts: Facts,
        tickets: Tickets,
        possession: Possession | None = None,
        remote: RemoteTokens | None = None,
    ) -> None:
        self.posture = posture
        self._policy = policy
        self.routes = routes
        self._ready = Ready()
        self._translator = translator
        self._prover = prover
        self._csrf = csrf
        self._standing = standing
        self._sessions = sessions
        self._facts = facts
        self._tickets = tickets
        self._possession = Possession() if possession is None else possession
        self._remote = remote
        self._sites = {site.name: site for site in policy.sites}
        self._sites_of = _by_upstream(policy.sites)

    async def admit(self, head: RequestHead, peer: Peer, now: float) -> Permit | Visit | Answer:
        """Decide what becomes of a request.

        A `Permit` goes to the application, a `Visit` to our own endpoints, an `Answer` straight back.

        Raises:
            GatewayError: the request is refused; `refuse` makes the answer of it.
        """
        posture, path = self.posture, head.path
        endpoint = self._policy.endpoints.get(path)
        if endpoint is not None and (not posture.is_transparent or head.asks is not None):
            return Visit(endpoint)
        rule = self._route(path, posture)
        is_preflight = head.method == b"OPTIONS" and is_any_preflight(head)
        if is_preflight and self._policy.cross_origin.is_preflight(head):
            return self._policy.cross_origin.answer_preflight(head)  # in every phase: a page must hear that we are off
        if posture.is_transparent:
            return self._pass_through(head, rule)
        if is_preflight:
            return self._translator.public(head, rule)  # it carries no credential, and none may be asked of it
        if rule.auth is Access.PUBLIC:
            return self._admit_public(head, rule)
        if head.ticket is not None and rule.auth is not Access.PASSTHROUGH:
            return await self._by_ticket(head, rule, now)
        ready = self._ready.find(head, rule, posture, self._prover.stamp)
        if ready is not None and await self._is_unchanged(ready, now):
            return ready
        return await self._admit_by_credential(head, rule, now)

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Turn an error into the answer for this client: a problem, a plain page, or the way to the login."""
        login_url = ""
        if head is not None and isinstance(error, Unauthenticated):
            login_url = self._login_url(head)
        answer = answer_error(error, head=head, request_id=request_id, login_url=login_url)
        if head is None:
            return answer
        extra = self._policy.cross_origin.response_fields(head)
        return replace(answer, fields=(*answer.fields, *extra)) if extra else answer

    # --- which rule, which credential ---

    def _route(self, path: bytes, posture: Posture) -> Rule:
        rule, ambiguity = self.routes.find(path)
        if ambiguity and ambiguity not in rule.relaxed:
            if posture.enforces_paths:
                raise AmbiguousPath
            self._facts.count(Event.PATH_WOULD_REFUSE)
        return rule

    def _admit_public(self, head: RequestHead, rule: Rule) -> Permit:
        if rule.forward_credentials:
            return self._translator.forwarded(head, rule, has_our_token=self._has_our_token(head))
        return self._translator.public(head, rule)

    async def _admit_by_credential(self, head: RequestHead, rule: Rule, now: float) -> Permit:
        sites = self._sites_of.get(rule.upstream, ())
        if rule.auth is Access.PASSTHROUGH:
            shown = find_sessions(head.cookie, sites)
            permit = await self._by_session(head, rule, shown, now)
            if head.authorization is None or self._has_our_token(head):
                return permit
            return replace(permit, authorization=head.authorization, is_private=True)
        # As it is proved now: while the stores are asked, the key may be given up and the phase may change.
        posture, stamp = self.posture, self._prover.stamp
        credential = find_credential(head, self._policy.ours, sites)
        match credential:
            case BearerToken():
                permit = await self._by_token(credential.text, Credential.BEARER, head, rule, now)
            case RemoteBearer():
                assert self._remote is not None
                return await self._remote.admit(credential, head, rule, self._translator, now)
            case TokenCookie():
                return await self._by_token_cookie(credential, head, rule, now)
            case ForeignAuthorization():
                return self._by_foreign(credential, head, rule)
            case _:
                permit = await self._by_session(head, rule, credential, now)
        self._ready.keep(head, rule, posture, stamp, permit)
        return permit

    async def _is_unchanged(self, permit: Permit, now: float) -> bool:
        """Ask anew whatever is a verdict about a credential; a token that is not good any more is refused here.

        Returns whether the permit is what would be built now.
        """
        token = permit.token
        if token is not None:
            await self._standing.ensure_good(token, now)
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

    async def _by_token(self, text: bytes, credential: Credential, head: RequestHead, rule: Rule, now: float) -> Permit:
        proof = self._prover.token(text, credential, now)
        token = proof.token
        assert token is not None
        self._possession.ensure_scheme(head, token.bound_key)
        await self._standing.ensure_good(token, now)
        if token.bound_key:
            await self._possession.ensure(head, token.bound_key, now)
        vaulted = await self._standing.find_session(token, rule.upstream, now)
        return self._permit_token(head, rule, proof, vaulted, credential)

    async def _by_ticket(self, head: RequestHead, rule: Rule, now: float) -> Permit:
        ticket = self._tickets.open(head, now)
        permit = await self._by_token(ticket.token, Credential.BEARER, head, rule, now)
        await self._tickets.spend(ticket, now)  # at last: an outage costs nobody a ticket
        return permit

    def _permit_token(
        self, head: RequestHead, rule: Rule, proof: Proof, vaulted: VaultedSession | None, credential: Credential
    ) -> Permit:
        supplement = NO_SUPPLEMENT
        answer: tuple[tuple[bytes, bytes], ...] = ()
        if vaulted is not None:
            site = self._sites[vaulted.site]
            if credential is Credential.BEARER and head.method not in SAFE:
                supplement = self._csrf.supplement(site, vaulted, head)
            is_browser = proof.token is not None and proof.token.client_id in self._policy.browsers
            if is_browser and self.posture.phase is Phase.HANDBACK:
                answer = handed_back(head, vaulted, site, is_secure=self._policy.is_secure)
                if answer:
                    self._facts.count(Event.HANDED_BACK)
        return self._translator.token(
            head,
            rule,
            proof,
            vaulted=vaulted,
            supplement=supplement,
            shown=find_sessions(head.cookie, self._sites_of.get(rule.upstream, ())),
            credential=credential,
            answer=answer,
        )

    async def _by_token_cookie(self, shown: TokenCookie, head: RequestHead, rule: Rule, now: float) -> Permit:
        """A token cookie that is not good is deleted; a fault of ours stays a fault.

        Where it only expired, the session decides. Revoked or forged, the session beside it may be of the family that
        was ended, and does not count either.
        """
        try:
            permit = await self._by_token(shown.text, Credential.TOKEN_COOKIE, head, rule, now)
        except InvalidToken as error:
            if error.reason == TokenFault.EXPIRED:
                return self._deleting_access(await self._by_session(head, rule, shown.beside, now))
            return self._deleting_access(self._by_nobody(head, rule))
        except SessionEnded:
            return self._deleting_access(self._by_nobody(head, rule))
        beside = await self._resolve(shown.beside, now) if shown.beside is not None else None
        if isinstance(beside, LegacySession) and permit.token and beside.subject != permit.token.subject:
            self._facts.count(Event.SUBJECT_CONFLICT)
            ours = self._policy.ours
            permit = await self._by_session(head, rule, shown.beside, now)
            return self._deleting(permit, ours.access_cookie, ours.refresh_cookie)
        return permit

    def _deleting_access(self, permit: Permit) -> Permit:
        return self._deleting(permit, self._policy.ours.access_cookie)

    def _deleting(self, permit: Permit, *names: bytes) -> Permit:
        deletions = tuple((b"set-cookie", write_set_cookie(name, b"", max_age=0)) for name in names)
        return replace(permit, answer=(*permit.answer, *deletions), is_private=True)

    def _by_nobody(self, head: RequestHead, rule: Rule) -> Permit:
        self._ensure_optional(rule)
        return self._translator.nobody(head, rule)

    def _by_foreign(self, foreign: ForeignAuthorization, head: RequestHead, rule: Rule) -> Permit:
        self._facts.count(Event.FOREIGN_AUTHORIZATION)
        if rule.auth is Access.REQUIRED:
            raise LoginRequired
        return self._translator.foreign(head, rule, foreign.beside)

    async def _by_session(self, head: RequestHead, rule: Rule, shown: SessionCookie | None, now: float) -> Permit:
        if shown is None:
            self._ensure_optional(rule)
            return self._translator.anonymous(head, rule, is_stranger=True)
        if shown.duplicated:
            self._facts.count(Event.DUPLICATE_COOKIE)
        verdict = await self._resolve(shown, now)
        if isinstance(verdict, LegacySession):
            return self._translator.session(head, rule, self._prover.session(verdict), shown)
        if isinstance(verdict, Undetermined):
            self._ensure_may_forward(shown, rule)
            return self._translator.anonymous(head, rule, shown)
        self._ensure_optional(rule)
        return self._translator.anonymous(head, rule, shown, is_stranger=is_nobody(verdict) and not shown.duplicated)

    def _pass_through(self, head: RequestHead, rule: Rule) -> Permit:
        ensure_open(rule)
        return self._translator.transparent(head, rule, has_our_token=self._has_our_token(head))

    # --- what the stores say ---

    async def _resolve(self, shown: SessionCookie, now: float) -> LegacySession | Anonymous | Undetermined:
        verdict = await self._sessions[shown.site].resolve(shown, now)
        match verdict:
            case LegacySession():
                self._facts.count(Event.SESSION_USER)
            case Anonymous():
                self._facts.count(Event.SESSION_ANONYMOUS)
            case Undetermined():
                self._facts.count(Event.SESSION_UNDETERMINED)
        return verdict

    # --- small questions ---

    def _has_our_token(self, head: RequestHead) -> bool:
        return shows_token_of(self._policy.ours.issuer, head)

    def _ensure_optional(self, rule: Rule) -> None:
        if rule.auth is Access.REQUIRED:
            raise LoginRequired

    def _ensure_may_forward(self, shown: SessionCookie, rule: Rule) -> None:
        site = self._sites[shown.site]
        if rule.auth is Access.REQUIRED or site.on_undetermined == "refuse" or site.bridge == "headers":
            raise SessionUndetermined

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

"""What a request with a session cookie, or with none, comes to."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from gateway.core.credentials import Site
from gateway.core.dependants import kind_of
from gateway.core.phases import Posture
from gateway.core.routes import Access, Rule
from gateway.core.translate import Translator
from gateway.core.verdicts import is_nobody
from gateway.errors import LoginRequired, SessionRetired, SessionUndetermined
from gateway.facts import Event
from gateway.flow.prove import Prover
from gateway.model import Anonymous, LegacySession, Permit, Phase, RequestHead, SessionCookie, Undetermined
from gateway.ports import Facts, SessionStore

IsExchanged = Callable[[Permit, RequestHead], bool]
"""Says whether the answer to a request that its session admits will give tokens to that session."""


def never(_permit: Permit, _head: RequestHead) -> bool:
    """Where answers bring no tokens."""
    return False


class SessionAdmission:
    """Admits by the session that a request shows. `sessions` is asked by the name of the site.

    Where session cookies are retired, requests go through that `is_exchanged` finds: their answer brings the tokens.
    """

    def __init__(
        self,
        *,
        sites: Sequence[Site],
        sessions: Mapping[str, SessionStore],
        prover: Prover,
        translator: Translator,
        facts: Facts,
        is_exchanged: IsExchanged = never,
    ) -> None:
        self._is_exchanged = is_exchanged
        self._login_paths = {site.name: urlsplit(site.login_url).path.encode() for site in sites}
        self._logout_paths = {site.name: frozenset(path.encode() for path in site.logout_paths) for site in sites}
        self._sites = {site.name: site for site in sites}
        self._sessions = sessions
        self._prover = prover
        self._translator = translator
        self._facts = facts

    async def admit(
        self, head: RequestHead, rule: Rule, shown: SessionCookie | None, posture: Posture, now: float
    ) -> Permit:
        """Let a request through that shows this session, or none.

        Raises:
            LoginRequired: the rule asks for a user, and there is none.
            SessionRetired: it is a user's, and session cookies do not count any more.
            SessionUndetermined: nobody can say whose session it is, and the request may not go on without.
        """
        if shown is None:
            ensure_optional(rule)
            return self._translator.anonymous(head, rule, is_stranger=True)
        if shown.duplicated:
            self._facts.count(Event.DUPLICATE_COOKIE)
        verdict = await self.resolve(shown, now)
        if isinstance(verdict, LegacySession):
            return self._admit_user(verdict, head, rule, shown, posture, now)
        if isinstance(verdict, Undetermined):
            self._ensure_may_forward(shown, rule, posture)
            return self._translator.anonymous(head, rule, shown)
        ensure_optional(rule)
        return self._translator.anonymous(head, rule, shown, is_stranger=is_nobody(verdict) and not shown.duplicated)

    def _admit_user(
        self,
        session: LegacySession,
        head: RequestHead,
        rule: Rule,
        shown: SessionCookie,
        posture: Posture,
        now: float,
    ) -> Permit:
        if posture.prefers_tokens:
            self._facts.depend(rule.path, kind_of(head), head.find(b"user-agent"))
        permit = self._translator.session(head, rule, self._prover.session(session), shown)
        if not self._is_retired(session, head, posture, now) or self._is_exchanged(permit, head):
            return permit
        if head.path == self._login_paths[session.site]:
            return self.admit_nobody(head, rule)  # with the session, the application would send the user back
        raise SessionRetired

    def _is_retired(self, session: LegacySession, head: RequestHead, posture: Posture, now: float) -> bool:
        """Whether a user's session cookie does not count here. Logging out needs it."""
        if head.path in self._logout_paths[session.site]:
            return False
        return posture.retires(session.subject, head.method, now)

    async def ensure_may_travel(self, shown: SessionCookie, head: RequestHead, posture: Posture, now: float) -> None:
        """Check that a session cookie may reach the application beside a credential that is not ours.

        Raises:
            SessionRetired: it is a user's, and session cookies do not count any more.
            SessionUndetermined: nobody can say whether it is.
        """
        if not posture.may_retire:
            return
        verdict = await self.resolve(shown, now)
        if isinstance(verdict, Undetermined) and posture.phase is Phase.TOKENS_ONLY:
            raise SessionUndetermined
        if isinstance(verdict, LegacySession) and self._is_retired(verdict, head, posture, now):
            raise SessionRetired

    def admit_nobody(self, head: RequestHead, rule: Rule) -> Permit:
        """Let a request through without any session of its own.

        Raises:
            LoginRequired: the rule asks for a user.
        """
        ensure_optional(rule)
        return self._translator.nobody(head, rule)

    async def resolve(self, shown: SessionCookie, now: float) -> LegacySession | Anonymous | Undetermined:
        """Ask whose session it is, and count the answer."""
        verdict = await self.look_at(shown, now)
        self.note(verdict)
        return verdict

    async def look_at(self, shown: SessionCookie, now: float) -> LegacySession | Anonymous | Undetermined:
        """Ask whose session it is."""
        return await self._sessions[shown.site].resolve(shown, now)

    def note(self, verdict: LegacySession | Anonymous | Undetermined) -> None:
        """Count an answer."""
        match verdict:
            case LegacySession():
                self._facts.count(Event.SESSION_USER)
            case Anonymous():
                self._facts.count(Event.SESSION_ANONYMOUS)
            case Undetermined():
                self._facts.count(Event.SESSION_UNDETERMINED)

    def _ensure_may_forward(self, shown: SessionCookie, rule: Rule, posture: Posture) -> None:
        site = self._sites[shown.site]
        if (
            posture.prefers_tokens
            or rule.auth is Access.REQUIRED
            or site.on_undetermined == "refuse"
            or site.bridge == "headers"
        ):
            raise SessionUndetermined


def ensure_optional(rule: Rule) -> None:
    """Check that a request without a user may come to this address.

    Raises:
        LoginRequired: it may not.
    """
    if rule.auth is Access.REQUIRED:
        raise LoginRequired

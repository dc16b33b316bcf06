"""What a request with a session cookie, or with none, comes to."""

from collections.abc import Mapping, Sequence

from gateway.core.credentials import Site
from gateway.core.dependants import kind_of
from gateway.core.phases import Posture
from gateway.core.routes import Access, Rule
from gateway.core.translate import Translator
from gateway.core.verdicts import is_nobody
from gateway.errors import LoginRequired, SessionUndetermined
from gateway.facts import Event
from gateway.flow.prove import Prover
from gateway.model import Anonymous, LegacySession, Permit, RequestHead, SessionCookie, Undetermined
from gateway.ports import Facts, SessionStore


class SessionAdmission:
    """Admits by the session that a request shows. `sessions` is asked by the name of the site."""

    def __init__(
        self,
        *,
        sites: Sequence[Site],
        sessions: Mapping[str, SessionStore],
        prover: Prover,
        translator: Translator,
        facts: Facts,
    ) -> None:
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
            SessionUndetermined: nobody can say whose session it is, and the request may not go on without.
        """
        if shown is None:
            ensure_optional(rule)
            return self._translator.anonymous(head, rule, is_stranger=True)
        if shown.duplicated:
            self._facts.count(Event.DUPLICATE_COOKIE)
        verdict = await self.resolve(shown, now)
        if isinstance(verdict, LegacySession):
            if posture.prefers_tokens:
                self._facts.depend(rule.path, kind_of(head), head.find(b"user-agent"))
            return self._translator.session(head, rule, self._prover.session(verdict), shown)
        if isinstance(verdict, Undetermined):
            self._ensure_may_forward(shown, rule, posture)
            return self._translator.anonymous(head, rule, shown)
        ensure_optional(rule)
        return self._translator.anonymous(head, rule, shown, is_stranger=is_nobody(verdict) and not shown.duplicated)

    def admit_nobody(self, head: RequestHead, rule: Rule) -> Permit:
        """Let a request through without any session of its own.

        Raises:
            LoginRequired: the rule asks for a user.
        """
        ensure_optional(rule)
        return self._translator.nobody(head, rule)

    async def resolve(self, shown: SessionCookie, now: float) -> LegacySession | Anonymous | Undetermined:
        """Ask whose session it is, and count the answer."""
        verdict = await self._sessions[shown.site].resolve(shown, now)
        match verdict:
            case LegacySession():
                self._facts.count(Event.SESSION_USER)
            case Anonymous():
                self._facts.count(Event.SESSION_ANONYMOUS)
            case Undetermined():
                self._facts.count(Event.SESSION_UNDETERMINED)
        return verdict

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

"""What a request with a token of ours comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.core.credentials import Ours, Site, find_cookie, find_sessions, without_cookies
from gateway.core.jose import TokenFault
from gateway.core.navigation import is_from_elsewhere
from gateway.core.own_cookies import NAMES, OwnCookies
from gateway.core.phases import Posture
from gateway.core.routes import Rule
from gateway.core.translate import Proof, Translator
from gateway.core.verdicts import has_ended_by_age
from gateway.errors import (
    Forbidden,
    GatewayError,
    InvalidGrant,
    InvalidToken,
    PhaseOff,
    ProofRefused,
    SessionEnded,
    TooMany,
    Unavailable,
)
from gateway.facts import Event
from gateway.flow.delivery import Delivery
from gateway.flow.forms import FormProtection
from gateway.flow.handback import handed_back
from gateway.flow.possession import Possession
from gateway.flow.prove import Prover
from gateway.flow.session_admission import SessionAdmission
from gateway.flow.standing import TokenStanding
from gateway.model import (
    Credential,
    LegacySession,
    Permit,
    Phase,
    RequestHead,
    SessionCookie,
    TokenCookie,
    VaultedSession,
    Verdict,
    VerifiedToken,
)
from gateway.ports import Facts


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What the configuration says of tokens that requests show.

    `browsers` are the clients that get their tokens as cookies: only they are handed their session cookie back.
    `is_secure`: the public URL is https, so that cookies handed back are `Secure`.
    """

    ours: Ours
    sites_of: Mapping[str, tuple[Site, ...]]
    browsers: frozenset[str]
    is_secure: bool
    cookies: OwnCookies


class TokenAdmission:
    """Admits by a token of ours; the session beside a token cookie is `by_session`'s business."""

    def __init__(
        self,
        *,
        policy: TokenPolicy,
        translator: Translator,
        prover: Prover,
        forms: FormProtection,
        standing: TokenStanding,
        possession: Possession,
        by_session: SessionAdmission,
        facts: Facts,
        delivery: Delivery | None = None,
    ) -> None:
        self._delivery = delivery
        self._policy = policy
        self._translator = translator
        self._prover = prover
        self._forms = forms
        self._standing = standing
        self._possession = possession
        self._by_session = by_session
        self._facts = facts
        self._sites = {site.name: site for sites in policy.sites_of.values() for site in sites}

    async def admit(
        self, text: bytes, credential: Credential, head: RequestHead, rule: Rule, posture: Posture, now: float
    ) -> Permit:
        """Let a request through that shows this token.

        Raises:
            InvalidToken: forged, expired, revoked, or bound to a key that the client did not show.
            SessionEnded, Forbidden: the session that it stands for is over, or of another application.
            Unavailable: nobody can say.
        """
        proof = self._prover.token(text, credential, now)
        token = proof.token
        assert token is not None
        self._possession.ensure_scheme(head, token.bound_key)
        try:
            return await self._admit_proved(proof, token, credential, head, rule, posture, now)
        except Unavailable:
            beside = find_sessions(head.cookie, self._policy.sites_of.get(rule.upstream, ()))
            if beside is None or posture.rollout.includes(token.subject):
                raise
            # Who is not in the rollout is left to his session, as if tokens were off.
            return await self._by_session.admit(head, rule, beside, posture, now)

    async def _admit_proved(
        self,
        proof: Proof,
        token: VerifiedToken,
        credential: Credential,
        head: RequestHead,
        rule: Rule,
        posture: Posture,
        now: float,
    ) -> Permit:
        await self._standing.ensure_good(token, now)
        if token.bound_key:
            await self._possession.ensure(head, token.bound_key, now)
        vaulted = await self._standing.find_session(token, rule.upstream, now, path=head.path)
        supplement = await self._forms.supplement(head, rule.upstream, vaulted, credential, now)
        shown = find_sessions(head.cookie, self._policy.sites_of.get(rule.upstream, ()))
        answer = await self._handed_back(head, token, vaulted, shown, posture, now)
        return self._translator.token(
            head,
            rule,
            proof,
            vaulted=vaulted,
            supplement=supplement,
            shown=shown,
            credential=proof.identity.credential,
            answer=answer,
        )

    async def admit_cookie(
        self, shown: TokenCookie, head: RequestHead, rule: Rule, posture: Posture, now: float
    ) -> Permit:
        """Let a request through that shows one as a cookie. One that is not good is deleted, never for a fault of ours.

        One that only expired is renewed, where that is possible; else the session decides. Revoked or forged, the
        session beside it may be of the family that was ended, and does not count either. Where nobody can say, the
        session speaks for the request, as long as it counts as much as the token.

        Raises:
            Unavailable: nobody can say, and no session speaks for the request.
        """
        try:
            permit = await self.admit(shown.text, Credential.TOKEN_COOKIE, head, rule, posture, now)
        except InvalidToken as error:
            if error.reason != TokenFault.EXPIRED:
                return self._deleting_access(self._by_session.admit_nobody(head, rule))
            permit = await self._admit_expired(shown, head, rule, posture, now)
        except SessionEnded:
            return self._deleting(self._by_session.admit_nobody(head, rule))
        except Unavailable as error:
            if posture.prefers_tokens:
                raise
            return await self._admit_meanwhile(error, shown.beside, head, rule, posture, now)
        except Forbidden:  # a browser sends it to every application of the site; its own session speaks there
            return await self._by_session.admit(head, rule, shown.beside, posture, now)
        beside = await self._by_session.resolve(shown.beside, now) if shown.beside is not None else None
        if permit.token is not None and _is_anothers(beside, permit.token):
            self._facts.count(Event.SUBJECT_CONFLICT)
            return self._deleting(await self._admit_instead(shown, head, rule, posture, now))
        return permit

    async def is_unchanged(self, permit: Permit, now: float) -> bool:
        """Whether a permit by a token cookie is known to be what would be built now."""
        token, shown = permit.token, permit.shown
        assert token is not None
        try:
            await self._standing.ensure_good(token, now)
            vaulted = await self._standing.find_session(token, permit.upstream, now)
        except (InvalidToken, SessionEnded, Unavailable):
            return False
        if vaulted != permit.vaulted:
            return False
        if shown is not None:
            beside = await self._by_session.look_at(shown, now)
            if _is_anothers(beside, token):
                return False
            self._by_session.note(beside)
        return True

    async def _admit_expired(
        self, shown: TokenCookie, head: RequestHead, rule: Rule, posture: Posture, now: float
    ) -> Permit:
        """Renew the token within the request, where delivery is switched on and its refresh token is shown too.

        In `handback` and outside the rollout that lets the session be given back, and the tokens are deleted.

        Raises:
            Unavailable, TooMany, ProofRefused: it cannot be renewed now, and no session speaks for the request.
        """
        delivery = self._delivery
        refresh = None
        has_cookie = shown.beside is not None
        if posture.phase is Phase.HANDBACK:
            has_cookie = has_cookie and not await self._has_expired(shown.beside, now)
        is_handback = posture.phase is Phase.HANDBACK and not has_cookie
        if delivery is not None and (posture.issues or is_handback):
            refresh = find_cookie(head.cookie, self._policy.cookies.refresh)
        if delivery is None or refresh is None:
            return self._deleting_access(await self._admit_instead(shown, head, rule, posture, now))
        # A forged request does nothing, and logs nobody out; no page of another site is handed a session.
        if not delivery.may_renew(head) or (is_handback and is_from_elsewhere(head)):
            return await self._by_session.admit(head, rule, shown.beside, posture, now)
        try:
            grant = await delivery.renew(refresh, now, has_cookie=has_cookie)
            text = grant.access_token.encode("ascii")
            permit = await self.admit(text, Credential.TOKEN_COOKIE, head, rule, posture, now)
        except (InvalidGrant, PhaseOff):
            return self._deleting(await self._admit_instead(shown, head, rule, posture, now))
        except (InvalidToken, SessionEnded):
            return self._deleting(self._by_session.admit_nobody(head, rule))
        except (Unavailable, TooMany, ProofRefused) as error:
            return await self._admit_meanwhile(error, shown.beside, head, rule, posture, now)
        self._facts.count(Event.COOKIE_RENEWED)
        is_given_back = bool(permit.answer) and posture.hands_back_to(grant.family.subject)
        is_kept = posture.issues and not is_given_back
        given = delivery.find_cookies(grant, head, is_renewal=True) if is_kept else None
        return self._deleting(permit) if given is None else replace(permit, answer=(*permit.answer, *given))

    async def _admit_instead(
        self, shown: TokenCookie, head: RequestHead, rule: Rule, posture: Posture, now: float
    ) -> Permit:
        """Let the session decide as if no cookie of ours was shown, since those are given up with the answer."""
        bare = replace(head, cookie=without_cookies(head.cookie, NAMES))
        return await self._by_session.admit(bare, rule, shown.beside, posture, now)

    async def _admit_meanwhile(
        self,
        error: GatewayError,
        beside: SessionCookie | None,
        head: RequestHead,
        rule: Rule,
        posture: Posture,
        now: float,
    ) -> Permit:
        """Let the session speak for a token that cannot be renewed now; nothing of ours is deleted.

        Raises:
            GatewayError: no session does; the error why the token could not be renewed.
        """
        try:
            permit = await self._by_session.admit(head, rule, beside, posture, now)
        except GatewayError:
            raise error from None
        if permit.session is None:
            raise error
        return permit

    async def _handed_back(
        self,
        head: RequestHead,
        token: VerifiedToken,
        vaulted: VaultedSession | None,
        shown: SessionCookie | None,
        posture: Posture,
        now: float,
    ) -> tuple[tuple[bytes, bytes], ...]:
        """Return the session cookies that a browser gets back with the answer, where it is time for that."""
        if vaulted is None or token.client_id not in self._policy.browsers or not posture.hands_back_to(token.subject):
            return ()
        is_same_site = shown is not None and shown.site == vaulted.site
        has_expired = is_same_site and await self._has_expired(shown, now)
        site, is_secure = self._sites[vaulted.site], self._policy.is_secure
        answer = handed_back(head, vaulted, site, is_secure=is_secure, has_expired=has_expired)
        if answer:
            self._facts.count(Event.HANDED_BACK)
        return answer

    async def _has_expired(self, shown: SessionCookie | None, now: float) -> bool:
        """Whether the session that a browser shows is over by age, so that it is none to keep."""
        if shown is None or shown.duplicated:
            return False
        return has_ended_by_age(await self._by_session.look_at(shown, now), now)

    def _deleting_access(self, permit: Permit) -> Permit:
        return replace(permit, answer=(*permit.answer, *self._policy.cookies.deleting_access()), is_private=True)

    def _deleting(self, permit: Permit) -> Permit:
        return replace(permit, answer=(*permit.answer, *self._policy.cookies.deleting()), is_private=True)


def _is_anothers(beside: Verdict | None, token: VerifiedToken) -> bool:
    """Whether the session beside a token cookie is another user's, who has signed in since."""
    return isinstance(beside, LegacySession) and beside.subject != token.subject

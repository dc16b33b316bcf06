"""A refresh token becomes the next one (RFC 6749 section 6, RFC 9700 section 4.14).

The legacy session behind it is looked at first, and the token is rotated then: an access token is never newer than the
last look at its session, and a client that is told to come back later still has its refresh token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gateway.core.rotation import decide, ensure_well_formed, hash_token, new_refresh_token
from gateway.core.verdicts import is_over
from gateway.errors import (
    GatewayError,
    InvalidGrant,
    PhaseOff,
    ProofRefused,
    SessionEnded,
    SessionUndetermined,
    TooMany,
    VaultUnavailable,
)
from gateway.facts import Event
from gateway.family_ports import RefreshStore
from gateway.flow.access import AccessTokens
from gateway.flow.behind import SessionsBehind
from gateway.flow.clients import Client
from gateway.flow.endings import Endings
from gateway.flow.grants import Grant, Prove, TokenPolicy, TokenSecrets
from gateway.flow.rates import TokenRates
from gateway.model import LegacySession, SessionCookie
from gateway.ports import Facts, SessionStore, Vault
from gateway.records import Family, RefreshOutcome, RefreshRow, Rotation, RotationDecision

_GRANTED = frozenset({RefreshOutcome.ROTATED, RefreshOutcome.TOO_YOUNG, RefreshOutcome.GRACE})


@dataclass(frozen=True, slots=True)
class _Look:
    """What the session behind a family is now; or the error that answers a token which would be good otherwise.

    `bound_key` is what the client has proved; nobody is asked where the token is not known.
    """

    session: LegacySession | None = None
    error: GatewayError = field(default_factory=SessionUndetermined)
    bound_key: str = ""


class Refresh:
    """Looks at the legacy session behind a refresh token, and rotates it then."""

    def __init__(
        self,
        *,
        policy: TokenPolicy,
        secrets: TokenSecrets,
        access: AccessTokens,
        endings: Endings,
        families: RefreshStore,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        facts: Facts,
        rates: TokenRates,
        behind: SessionsBehind,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._policy = policy
        self._secrets = secrets
        self._access = access
        self._endings = endings
        self._families = families
        self._vault = vault
        self._sessions = sessions
        self._facts = facts
        self._rates = rates
        self._behind = behind
        self._entropy = entropy

    async def rotate(self, token: str, client: Client, *, now: float, prove: Prove, has_cookie: bool) -> Grant:
        """Hand out the successor of a refresh token. See `TokenFlow.refresh`."""
        ensure_well_formed(token)
        sequence = await self._access.sequence()
        seen = await self._families.find_presented(hash_token(token))
        if seen is None:
            self._facts.count(Event(f"refresh_{RefreshOutcome.UNKNOWN}"))
            raise InvalidGrant(RefreshOutcome.UNKNOWN)
        look = await self._look_behind(seen.family, client, prove, now, has_cookie=has_cookie)
        bound_key, decide_it = look.bound_key, self._decide(token, client, look, now)
        usable = seen if look.session is not None else None
        rotation = await self._families.rotate(hash_token(token), decide_it, now, seen=usable)
        family = self._following(await self._granted(rotation), look)
        access_token, expires_in = await self._access.issue(family, sequence, now, bound_key=bound_key)
        decision = rotation.decision
        refresh_expires_in = int(min(family.idle_expires_at, family.absolute_expires_at) - now)
        return Grant(access_token, expires_in, decision.token, refresh_expires_in, family, decision.outcome, bound_key)

    async def ensure_same_user(self, token: str, beside: SessionCookie | None, *, now: float) -> None:
        """See `TokenFlow.ensure_same_user`. The user numbers of two applications are not compared."""
        verdict = await self._sessions[beside.site].resolve(beside, now) if beside is not None else None
        if not isinstance(verdict, LegacySession):
            return
        ensure_well_formed(token)
        family = await self._families.find_family_of_token(hash_token(token))
        if family is not None and family.site == verdict.site and family.subject != verdict.subject:
            self._facts.count(Event.SUBJECT_CONFLICT)
            raise InvalidGrant("other_user")

    # --- the token ---

    def _decide(
        self, token: str, client: Client, look: _Look, now: float
    ) -> Callable[[Family, RefreshRow], RotationDecision]:
        """Return the decision about the token, which is also made when its session is not known to go on.

        It says which tokens are worth nothing, and finds a replay; one that is good raises the error of the look then,
        and nothing is written.
        """
        fresh = new_refresh_token(self._entropy(32))
        policy = self._policy.rotation if client.delivery == "cookie" else replace(self._policy.rotation, rest=0)

        def chosen(family: Family, row: RefreshRow) -> RotationDecision:
            decision = decide(
                family,
                row,
                presented=token,
                client_id=client.id,
                bound_key=look.bound_key,
                fresh=fresh,
                policy=policy,
                pepper=self._secrets.pepper,
                now=now,
                ends_at=None if look.session is None else self._end(family, look.session),
            )
            if decision.outcome in _GRANTED and look.session is None:
                raise look.error
            return decision

        return chosen

    async def _granted(self, rotation: Rotation) -> Family:
        """Return the family of a token that was accepted; announce what a replay ended.

        Raises:
            InvalidGrant: it was not accepted.
            ProofRefused: it may be good, but not without the key that it is bound to.
        """
        outcome = rotation.decision.outcome
        self._facts.count(Event(f"refresh_{outcome}"))
        await self._endings.announce(rotation.revocations)
        if outcome is RefreshOutcome.WRONG_KEY:
            raise ProofRefused("The token is bound to another key.")
        if outcome not in _GRANTED or rotation.family is None:
            raise InvalidGrant(outcome)
        return rotation.family

    # --- the session behind it ---

    async def _look_behind(
        self, family: Family, client: Client, prove: Prove, now: float, *, has_cookie: bool
    ) -> _Look:
        """Look at the session of a token that may be good; one that cannot be is left to the decision about it."""
        if family.client_id != client.id:
            return _Look()
        bound_key = await prove()
        if family.bound_key not in ("", bound_key) or not _is_live(family, now):
            return _Look(bound_key=bound_key)
        if has_cookie and client.delivery == "cookie" and not self._policy.takes_part(family.subject):
            return _Look(error=PhaseOff("Only a part of the users takes part for now."), bound_key=bound_key)
        try:
            await self._rates.ensure_family_may(family, now)
            return _Look(await self._look(family, now), bound_key=bound_key)
        except (SessionUndetermined, VaultUnavailable, TooMany) as error:
            return _Look(error=error, bound_key=bound_key)
        except SessionEnded:
            return _Look(error=InvalidGrant("ended"), bound_key=bound_key)

    async def _look(self, family: Family, now: float) -> LegacySession:
        """Resolve the session of a family. One that is over, or somebody else's, ends the family.

        Raises:
            SessionUndetermined: nobody can say, or nobody checks any more that the application would accept it.
            VaultUnavailable: its cookies cannot be read.
            SessionEnded: the family has ended meanwhile.
            InvalidGrant: it was ended here.
        """
        vaulted = await self._vault.open_family(family)
        _, verdict = await self._behind.resolve(vaulted, lambda: self._vault.open_family(family), now, fresh=True)
        if is_over(verdict):
            raise await self._ended(family, "session_ended", now)
        if not isinstance(verdict, LegacySession):
            raise SessionUndetermined
        if verdict.subject != family.subject:
            raise await self._ended(family, "other_user", now)
        if not verdict.is_bound and not self._policy.trust_store_alone:
            raise SessionUndetermined
        return verdict

    async def _ended(self, family: Family, reason: str, now: float) -> InvalidGrant:
        await self._endings.end_families([family.id], reason, now)
        return InvalidGrant("session_ended")

    def _end(self, family: Family, session: LegacySession) -> float:
        """Return when the family ends by its age and by the present end of its session.

        A `policy.refresh` that was shortened takes nothing from the families that there are.
        """
        oldest = max(family.created_at + self._policy.refresh, family.absolute_expires_at)
        is_followed = session.expires_at is None or session.site in self._policy.minted
        return oldest if is_followed else min(oldest, session.expires_at or oldest)

    def _following(self, family: Family, look: _Look) -> Family:
        """Return the family with the claims and the end that its session has now, for the access token."""
        session = look.session
        assert session is not None  # else the token was not granted
        absolute = min(family.absolute_expires_at, self._end(family, session))
        return replace(family, claims=session.claims, absolute_expires_at=absolute)


def _is_live(family: Family, now: float) -> bool:
    return family.ended_at is None and now < min(family.idle_expires_at, family.absolute_expires_at)

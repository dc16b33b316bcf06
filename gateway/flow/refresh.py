"""A refresh token becomes the next one (RFC 6749 section 6, RFC 9700 section 4.14)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.core.rotation import decide, ensure_well_formed, hash_token, new_refresh_token
from gateway.errors import InvalidGrant, SessionEnded, SessionUndetermined, VaultUnavailable
from gateway.facts import Event
from gateway.flow.access import AccessTokens
from gateway.flow.clients import Client
from gateway.flow.endings import Endings
from gateway.flow.grants import Grant, TokenPolicy, TokenSecrets
from gateway.model import Anonymous, LegacySession, SessionCookie
from gateway.ports import Facts, RefreshStore, SessionStore, Vault
from gateway.records import Family, RefreshOutcome, RefreshRow, Rotation, RotationDecision

_GRANTED = frozenset({RefreshOutcome.ROTATED, RefreshOutcome.TOO_YOUNG, RefreshOutcome.GRACE})

# What a store says that it has read. A signature that fails speaks of keys, and an absent cookie of our own vault.
_OVER = frozenset({"gone", "expired", "no_user", "not_bound"})


class Refresh:
    """Rotates refresh tokens, and looks at the legacy session behind them each time."""

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
        self._entropy = entropy

    async def rotate(self, token: str, client: Client, *, now: float) -> Grant:
        """Hand out the successor of a refresh token. See `TokenFlow.refresh`."""
        ensure_well_formed(token)
        sequence = await self._access.sequence()
        rotation = await self._families.rotate(hash_token(token), self._decide(token, client, now), now)
        family = await self._granted(rotation)
        current = await self._with_session(family, now)
        access_token, expires_in = await self._access.issue(current, sequence, now)
        decision = rotation.decision
        idle = decision.idle_expires_at or family.idle_expires_at
        refresh_expires_in = int(min(idle, family.absolute_expires_at) - now)
        return Grant(access_token, expires_in, decision.token, refresh_expires_in, current, decision.outcome)

    # --- the token ---

    def _decide(self, token: str, client: Client, now: float) -> Callable[[Family, RefreshRow], RotationDecision]:
        fresh = new_refresh_token(self._entropy(32))

        def chosen(family: Family, row: RefreshRow) -> RotationDecision:
            return decide(
                family,
                row,
                presented=token,
                client_id=client.id,
                fresh=fresh,
                policy=self._policy.rotation,
                pepper=self._secrets.pepper,
                now=now,
            )

        return chosen

    async def _granted(self, rotation: Rotation) -> Family:
        """Return the family of a token that was accepted; announce what a replay ended.

        Raises:
            InvalidGrant: it was not accepted.
        """
        outcome = rotation.decision.outcome
        self._facts.count(Event(f"refresh_{outcome}"))
        await self._endings.announce(rotation.revocations)
        if outcome not in _GRANTED or rotation.family is None:
            raise InvalidGrant(outcome)
        return rotation.family

    # --- the session behind it ---

    async def _with_session(self, family: Family, now: float) -> Family:
        """Return the family with the claims and the end that its legacy session has now.

        When nobody can say, it stays as it is: an outage never logs anybody out. The application decides by the
        session's own cookie in any case.

        Raises:
            InvalidGrant: the session is over or belongs to somebody else; the family was ended.
            SessionUndetermined: nobody checks any more that the application would accept the session.
        """
        try:
            vaulted = await self._vault.open_family(family)
        except VaultUnavailable:
            return family
        except SessionEnded as error:
            raise InvalidGrant("ended") from error
        store = self._sessions.get(vaulted.site)
        if store is None:
            return family
        verdict = await store.resolve(SessionCookie(vaulted.site, vaulted.cookies), now, fresh=True)
        match verdict:
            case LegacySession() if verdict.subject == family.subject:
                return self._following(family, verdict)
            case LegacySession():
                raise await self._ended(family, "other_user", now)
            case Anonymous() if verdict.reason in _OVER:
                raise await self._ended(family, "session_ended", now)
        return family

    def _following(self, family: Family, session: LegacySession) -> Family:
        if not session.is_bound and not self._policy.trust_store_alone:
            raise SessionUndetermined
        absolute = family.absolute_expires_at
        if session.expires_at is not None:
            absolute = min(absolute, session.expires_at)
        return replace(family, claims=session.claims, absolute_expires_at=absolute)

    async def _ended(self, family: Family, reason: str, now: float) -> InvalidGrant:
        await self._endings.end_families([family.id], reason, now)
        return InvalidGrant("session_ended")

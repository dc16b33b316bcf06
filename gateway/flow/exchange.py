"""A session becomes tokens: the subject of an exchange is the session cookie itself (RFC 8693)."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.rotation import hash_token, new_refresh_token
from gateway.errors import (
    BadRequest,
    InvalidRequest,
    PhaseOff,
    SessionUndetermined,
    SessionUnverifiable,
    StoreUnavailable,
    TooManyFamilies,
)
from gateway.family_ports import RefreshStore
from gateway.flow.access import AccessTokens
from gateway.flow.clients import Client
from gateway.flow.endings import Endings
from gateway.flow.grants import Grant, Prove, TokenPolicy, TokenSecrets
from gateway.flow.rates import TokenRates
from gateway.headers import encode_value
from gateway.model import LegacySession, SessionCookie, Undetermined, VaultedSession
from gateway.ports import SessionStore, Vault
from gateway.records import Family, RefreshOutcome, RefreshRow, RotationDecision

_FIRST = 0  # the generation of a family's first refresh token


@dataclass(frozen=True, slots=True)
class _Draw:
    """What makes a new family: its id and its first refresh token."""

    family_id: str
    token: str = field(repr=False)


class Exchange:
    """Opens families."""

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
        rates: TokenRates,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._policy = policy
        self._secrets = secrets
        self._access = access
        self._endings = endings
        self._families = families
        self._vault = vault
        self._sessions = sessions
        self._rates = rates
        self._entropy = entropy

    async def open(
        self, shown: SessionCookie, client: Client, *, now: float, idempotency_key: str, is_asked: bool, prove: Prove
    ) -> Grant:
        """Open a family for the session that the cookies resolve to. See `TokenFlow.exchange`."""
        await self._rates.ensure_session_may(self._secrets.session_hash(shown.site, _written(shown)), now)
        sequence = await self._access.sequence()
        session = await self._resolve(shown, now)
        if not self._policy.takes_part(session.subject):
            raise PhaseOff("Only a part of the users takes part for now.")
        await self._rates.ensure_account_may(session.site, session.subject, now)
        session_hash = self._secrets.session_hash(session.site, session.key)
        if await self._is_barred(session_hash, session, now):
            raise SessionUnverifiable
        bound_key = await prove()
        draw = self._draw(session, client, idempotency_key, bound_key)
        family = self._new_family(draw, session, client, session_hash, bound_key, now)
        cap = self._policy.family_cap if is_asked else max(1, self._policy.family_cap // 2)
        begin = partial(self._open, family, draw, shown, session, cap, now)
        opened = await self._find_or_open(family, draw, begin, now, is_repeatable=bool(idempotency_key))
        await self._ensure_not_logged_out_meanwhile(opened, session, now)
        access_token, expires_in = await self._access.issue(opened, sequence, now, bound_key=bound_key)
        refresh_expires_in = int(opened.idle_expires_at - now)
        return Grant(access_token, expires_in, draw.token, refresh_expires_in, opened, bound_key=bound_key)

    # --- whose session ---

    async def _resolve(self, shown: SessionCookie, now: float) -> LegacySession:
        verdict = await self._sessions[shown.site].resolve(shown, now, fresh=True)
        if isinstance(verdict, Undetermined):
            raise SessionUndetermined
        if not isinstance(verdict, LegacySession) or not _is_usable(verdict, now):
            raise SessionUnverifiable
        if not verdict.is_bound and not self._policy.trust_store_alone:
            raise SessionUnverifiable("Nobody checked that the application would accept the session.")
        return verdict

    # --- the family ---

    def _draw(self, session: LegacySession, client: Client, idempotency_key: str, bound_key: str) -> _Draw:
        """Draw a family id and a refresh token at random, or derive them where each repeat must have the same.

        Deriving takes the pepper and the session's own secret key: the database alone is not enough. And it takes the
        user: an application may keep the id of a session when somebody else signs in.
        """
        if idempotency_key:
            parts = ("exchange", session.site, session.subject, client.id, idempotency_key, bound_key)
            info = "\0".join(parts).encode("utf-8", "surrogatepass")
            key = session.key.encode("utf-8", "surrogatepass")
            drawn = HKDF(algorithm=SHA256(), length=48, salt=self._secrets.pepper, info=info).derive(key)
        else:
            drawn = self._entropy(48)
        return _Draw(str(uuid.UUID(bytes=drawn[:16], version=4)), new_refresh_token(drawn[16:]))

    def _new_family(
        self, draw: _Draw, session: LegacySession, client: Client, session_hash: bytes, bound_key: str, now: float
    ) -> Family:
        # A family never outlives the session that it came from, but where another one follows it.
        ends = [now + self._policy.refresh]
        if session.expires_at is not None and session.site not in self._policy.minted:
            ends.append(session.expires_at)
        absolute = min(ends)
        return Family(
            id=draw.family_id,
            subject=session.subject,
            client_id=client.id,
            site=session.site,
            session_hash=session_hash,
            claims=session.claims,
            generation=_FIRST,
            created_at=now,
            idle_expires_at=min(now + self._policy.rotation.idle, absolute),
            absolute_expires_at=absolute,
            bound_key=bound_key if client.is_public else "",  # others prove themselves by their secret (RFC 9449, 5)
        )

    async def _find_or_open(
        self, family: Family, draw: _Draw, begin: Callable[[], Awaitable[None]], now: float, *, is_repeatable: bool
    ) -> Family:
        """Open the family, or return the one that an earlier request with the same Idempotency-Key opened."""
        earlier = await self._find_earlier(draw.token, now) if is_repeatable else None
        if earlier is not None:
            return earlier
        try:
            await begin()
        except StoreUnavailable:
            # Another request with the same key came first, or the answer to our own commit was lost.
            earlier = await self._find_earlier(draw.token, now) if is_repeatable else None
            if earlier is None:
                raise
            return earlier
        return family

    async def _find_earlier(self, token: str, now: float) -> Family | None:
        """Return the family that this token was the first of; the store says how old it is, by the clock of all."""
        found: list[tuple[Family, RefreshRow]] = []

        def look(family: Family, row: RefreshRow) -> RotationDecision:
            found[:] = [(family, row)]
            return RotationDecision(RefreshOutcome.TOO_YOUNG, token=token)

        await self._families.rotate(hash_token(token), look, now)
        if not found:
            return None
        earlier, row = found[0]
        if earlier.ended_at is not None:
            raise SessionUnverifiable
        if now - row.issued_at >= self._policy.rotation.grace or earlier.generation != _FIRST:
            raise InvalidRequest("The Idempotency-Key was used before.")
        return earlier

    async def _open(
        self, family: Family, draw: _Draw, shown: SessionCookie, session: LegacySession, cap: int, now: float
    ) -> None:
        row = RefreshRow(hash_token(draw.token), family.id, _FIRST, issued_at=now, expires_at=family.idle_expires_at)
        vaulted = VaultedSession(
            session_id=family.id,
            subject=session.subject,
            site=session.site,
            cookies=shown.cookies,
            session_key=session.key,
            expires_at=session.expires_at,
            bound_to=session.bound_to,
        )
        sealed = await self._vault.seal(vaulted, family.absolute_expires_at)
        if not await self._families.open_family(family, row, sealed, cap=cap, now=now):
            raise TooManyFamilies

    async def _is_barred(self, session_hash: bytes, session: LegacySession, now: float) -> bool:
        signed_at = session.signed_at
        if await self._families.is_barred(session_hash, now, subject=session.subject, signed_at=signed_at):
            return True
        if signed_at is None or session.site not in self._policy.in_cookie:
            return False
        tombstone = self._secrets.tombstone(session.site, session.subject)
        return await self._families.is_barred(tombstone, now, signed_at=signed_at)

    async def _ensure_not_logged_out_meanwhile(self, family: Family, session: LegacySession, now: float) -> None:
        """A logout bars the session first and lists its families then; we do the reverse, so one sees the other."""
        if await self._is_barred(family.session_hash, session, now):
            await self._endings.end_families([family.id], "session_barred", now)
            raise SessionUnverifiable


def _written(shown: SessionCookie) -> str:
    return "; ".join(f"{name!r}={value!r}" for name, value in shown.cookies)


def _is_usable(session: LegacySession, now: float) -> bool:
    """Whether a token can speak for the session: it has a subject that a header can carry, and time left."""
    try:
        subject = encode_value(session.subject)
    except BadRequest:
        return False
    return bool(subject) and (session.expires_at is None or session.expires_at > now)

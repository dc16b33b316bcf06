"""Access tokens: made for a family, and read again (RFC 9068)."""

import uuid
from collections.abc import Awaitable, Callable

from gateway.core.claims import access_claims
from gateway.core.revocation import ensure_not_revoked
from gateway.core.verify import Trust, verify
from gateway.flow.grants import TokenPolicy
from gateway.model import VerifiedToken
from gateway.ports import KeySource, RevocationLog, RevocationStore
from gateway.records import Family

TYPE = "at+jwt"
"""The header `typ` of an access token (RFC 9068 section 2.1)."""


EnsureAlive = Callable[[VerifiedToken, float], Awaitable[None]]
"""Lets a good token pass whose family is known to be alive. Raises SessionEnded, SessionUndetermined, VaultUnavailable.
"""


class AccessTokens:
    """Signs and verifies access tokens of our own.

    `ensure_alive`, where it is set, is asked last about each token that is checked.
    """

    def __init__(
        self,
        *,
        policy: TokenPolicy,
        keys: KeySource,
        log: RevocationLog,
        revocation: RevocationStore,
        entropy: Callable[[int], bytes],
    ) -> None:
        self.ensure_alive: EnsureAlive | None = None
        self._policy = policy
        self._keys = keys
        self._log = log
        self._revocation = revocation
        self._entropy = entropy

    async def sequence(self) -> int:
        """Return the number that a new token carries as `seq`.

        It is read before the family is looked at: an epoch that is set in between is then newer than the token, which
        is refused, while the other order would let a token pass whose family the epoch ended.

        Raises:
            StoreUnavailable: the truth cannot be read.
        """
        return await self._log.sequence()

    async def issue(self, family: Family, sequence: int, now: float, *, bound_key: str = "") -> tuple[str, int]:
        """Return a signed access token for a family, bound to a key where one is named, and its life in seconds."""
        token_id = str(uuid.UUID(bytes=self._entropy(16), version=4))
        claims = access_claims(
            family,
            issuer=self._policy.issuer,
            audience=self._policy.audience,
            token_id=token_id,
            sequence=sequence,
            lifetime=self._policy.access,
            now=now,
            bound_key=bound_key,
        )
        expires_at = claims["exp"]
        assert isinstance(expires_at, int)
        return await self._keys.sign(claims, type_=TYPE), expires_at - int(now)

    def read(self, text: bytes, now: float) -> VerifiedToken:
        """Verify a token without asking whether it was revoked.

        Raises:
            InvalidToken: malformed, forged, expired or not for us.
        """
        policy = self._policy
        return verify(text, Trust(policy.issuer, policy.audience, policy.leeway, self._keys.verification_keys), now)

    async def check(self, text: bytes, now: float) -> VerifiedToken:
        """Verify a token and make sure that it is still good.

        Raises:
            InvalidToken: malformed, forged, expired, not for us or revoked.
            SessionEnded: the session behind it is found to be over.
            Unavailable: nobody can say.
        """
        token = self.read(text, now)
        ensure_not_revoked(token, await self._revocation.look_up(token))
        if self.ensure_alive is not None:
            await self.ensure_alive(token, now)
        return token

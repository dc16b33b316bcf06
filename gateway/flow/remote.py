"""Tokens of other issuers: each is good under its own issuer's keys, and stands for nobody and no session of ours."""

from collections.abc import Mapping

from gateway.bridge.headers import IdentityHeaders
from gateway.core.jose import TokenFault
from gateway.core.revocation import as_looked_up, ensure_remote_not_revoked
from gateway.core.routes import Rule
from gateway.core.translate import Proof, Translator
from gateway.core.verify import ensure_in_force, find_issuer
from gateway.core.verify_remote import key_id_of, verify_remote
from gateway.errors import BadRequest, IdentityNotCarried, InvalidToken
from gateway.facts import Event
from gateway.flow.proofs import Proofs
from gateway.headers import join_fields
from gateway.key_ports import RemoteKeys
from gateway.model import Credential, Identity, Permit, RemoteBearer, RequestHead
from gateway.ports import Facts, RevocationStore
from gateway.records import RemoteTrust
from gateway.remote_token import RemoteToken

_REMEMBERED = 10_000
"""Subjects of whom it is remembered since when their epoch is seen; of one that is forgotten it is seen anew."""


class _Epochs:
    """When each epoch was seen first, by the name that it is of."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def since(self, name: str, epoch: int, now: float) -> float:
        """Return when this epoch was seen first; `now` for one that was not. 0 stands for none."""
        if not epoch:
            return 0.0
        seen, at = self._seen.get(name, (0, 0.0))
        if seen != epoch:
            at = now
            self._seen.pop(name, None)
            self._seen[name] = (epoch, at)
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return at


class RemoteTokens:
    """What a token of another issuer is worth here.

    There is no vault to open and no session to look at again, and there never will be: such a token has no `sid`. Its
    times, and the blacklist by its `jti` and subject, are checked for every request as for tokens of ours.
    """

    def __init__(
        self,
        *,
        issuers: frozenset[str],
        keys: RemoteKeys,
        revocation: RevocationStore,
        identity_headers: IdentityHeaders,
        facts: Facts,
    ) -> None:
        self.issuers = issuers
        self._keys = keys
        self._revocation = revocation
        self._identity_headers = identity_headers
        self._facts = facts
        self._proofs = Proofs()
        self._epochs = _Epochs()

    async def admit(
        self, shown: RemoteBearer, head: RequestHead, rule: Rule, translator: Translator, now: float
    ) -> Permit:
        """Let a request through that shows one.

        Raises:
            InvalidToken: malformed, forged, expired, not for us or revoked.
            IdentityNotCarried: it says something that cannot be carried in a header.
            Unavailable: the issuer's keys are not known, or nobody can say whether it was revoked.
        """
        return translator.remote(head, rule, await self._prove(shown, now))

    async def check(self, shown: RemoteBearer, now: float) -> RemoteToken:
        """Return a token that is good now.

        Raises:
            InvalidToken, IdentityNotCarried, Unavailable: as `admit`.
        """
        token = (await self._prove(shown, now)).remote
        assert token is not None
        return token

    def find(self, token: str) -> RemoteBearer | None:
        """Return what claims to be a token of one of these issuers, or None."""
        text = token.encode("utf-8", "surrogatepass")
        issuer = find_issuer(text)
        return RemoteBearer(text, issuer) if issuer is not None and issuer in self.issuers else None

    async def introspect(self, shown: RemoteBearer, now: float) -> Mapping[str, object]:
        """Return what a resource server may know of one (RFC 7662 section 2.2), named as the application is told.

        Raises:
            Unavailable: nobody can say.
        """
        try:
            token = await self.check(shown, now)
        except (InvalidToken, IdentityNotCarried):
            return {"active": False}
        known = {"jti": token.token_id, "client_id": token.client_id, "scope": token.scope}
        return {
            "active": True,
            "token_type": "Bearer",
            "iss": shown.issuer,
            "sub": token.subject,
            "iat": int(token.issued_at),
            "nbf": int(token.not_before),
            "exp": int(token.expires_at),
            **{name: value for name, value in known.items() if value},
        }

    async def _prove(self, shown: RemoteBearer, now: float) -> Proof:
        trust = self._keys.trust(shown.issuer)
        proof = self._proofs.find(shown.text, trust.stamp)
        if proof is None:
            proof = self._proof_of(self._verify(shown, trust, now), trust.stamp)
            self._proofs.keep(shown.text, proof, len(shown.text))
        token = proof.remote
        assert token is not None
        ensure_in_force(token, trust.leeway, now)
        standing = await self._revocation.look_up(as_looked_up(token))
        ensure_remote_not_revoked(
            token,
            standing,
            subject_since=self._epochs.since(token.subject, standing.subject_epoch, now),
            global_since=self._epochs.since("", standing.global_epoch, now),
            leeway=trust.leeway,
        )
        return proof

    def _verify(self, shown: RemoteBearer, trust: RemoteTrust, now: float) -> RemoteToken:
        try:
            token = verify_remote(shown.text, trust, now)
        except InvalidToken as error:
            self._facts.count(Event.REMOTE_TOKEN_REFUSED)
            if error.reason == TokenFault.UNKNOWN_KEY:
                self._keys.miss(shown.issuer, key_id_of(shown.text))
            raise
        self._facts.count(Event.REMOTE_TOKEN_VERIFIED)
        return token

    def _proof_of(self, token: RemoteToken, stamp: int) -> Proof:
        identity = Identity(token.subject, Credential.BEARER, "", token.scope, token.roles)
        try:
            add = tuple(self._identity_headers.fields(identity))
        except BadRequest as error:
            raise IdentityNotCarried from error
        return Proof(stamp, identity, add, join_fields(add), remote=token)

"""From a credential to what it proves, remembered by its bytes so that the same proof is not made twice."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.bridge.headers import IdentityHeaders
from gateway.core.translate import Proof
from gateway.core.verify import Trust, verify
from gateway.errors import BadRequest, IdentityNotCarried, InvalidToken
from gateway.facts import Event
from gateway.flow.proofs import Proofs
from gateway.headers import join_fields
from gateway.model import Credential, Identity, LegacySession, VerifiedToken
from gateway.ports import Facts, KeySource

_UNSTAMPED = 0  # a session is proved by its store, under no key of ours


@dataclass(frozen=True, slots=True)
class ProverPolicy:
    """Who must have issued a token, for whom, and how far clocks may differ (seconds)."""

    issuer: str
    audience: str
    leeway: float
    reserved: tuple[str, ...] = ()
    """What subjects of other issuers begin with: nobody of ours may be called so."""


class Prover:
    """Proves tokens under the keys in force, and turns resolved sessions into the same kind of proof."""

    def __init__(
        self, *, policy: ProverPolicy, keys: KeySource, identity_headers: IdentityHeaders, facts: Facts
    ) -> None:
        self._policy = policy
        self.keys = keys
        """Those in force; their `generation` is the stamp under which proofs hold."""
        self._identity_headers = identity_headers
        self._facts = facts
        self._proofs = Proofs()

    def token(self, text: bytes, credential: Credential, now: float) -> Proof:
        """Verify a token, or find that the same bytes were verified under the same keys.

        The times are checked again by the caller: a proof is not a verdict.

        Raises:
            InvalidToken: it is malformed, forged, expired or not for us.
            IdentityNotCarried: one of its claims cannot be carried in a header.
        """
        stamp = self.keys.generation
        key = (text, credential)
        proof = self._proofs.find(key, stamp)
        if proof is None:
            token = self._verify(text, now)
            identity = _identity(token.subject, credential, token.session_id, token.claims)
            proof = self._proof_of(identity, stamp, token=token)
            self._proofs.keep(key, proof, len(text))
        return proof

    def session(self, session: LegacySession) -> Proof:
        """Return the proof of a session that was resolved just now.

        Raises:
            IdentityNotCarried: one of its claims cannot be carried in a header.
        """
        key = (session.site, session.key)
        proof = self._proofs.find(key, _UNSTAMPED)
        if proof is None or proof.session is not session:
            identity = _identity(session.subject, Credential.SESSION, "", session.claims)
            proof = self._proof_of(identity, _UNSTAMPED, session=session)
            self._proofs.keep(key, proof, len(session.key))
        return proof

    def _verify(self, text: bytes, now: float) -> VerifiedToken:
        policy = self._policy
        trust = Trust(policy.issuer, policy.audience, policy.leeway, self.keys.verification_keys)
        try:
            token = verify(text, trust, now)
        except InvalidToken:
            self._facts.count(Event.TOKEN_REFUSED)
            raise
        self._facts.count(Event.TOKEN_VERIFIED)
        return token

    def _proof_of(
        self,
        identity: Identity,
        stamp: int,
        *,
        token: VerifiedToken | None = None,
        session: LegacySession | None = None,
    ) -> Proof:
        if identity.subject.startswith(self._policy.reserved):
            raise IdentityNotCarried
        try:
            add = tuple(self._identity_headers.fields(identity))
        except BadRequest as error:
            raise IdentityNotCarried from error
        return Proof(stamp, identity, add, join_fields(add), token, session)


def _identity(subject: str, credential: Credential, session_id: str, claims: Mapping[str, object]) -> Identity:
    scope, roles = claims.get("scope", ""), claims.get("roles", ())
    if not isinstance(scope, str) or not isinstance(roles, (list, tuple)):
        raise IdentityNotCarried
    if not all(isinstance(role, str) for role in roles):
        raise IdentityNotCarried
    return Identity(subject, credential, session_id, scope, tuple(roles), claims)

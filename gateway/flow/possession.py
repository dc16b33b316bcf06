"""Whether a client has the key that its token is bound to (RFC 9449). Asked afresh for each request."""

from typing import TypeVar

from gateway.core.dpop import DpopPolicy, DpopProof, find_proof, has_dpop_scheme, verify_proof
from gateway.errors import InvalidDpopProof, NonceDemanded, PossessionUnproved, ProofRefused, UseDpopNonce
from gateway.facts import Event, Nothing
from gateway.model import RequestHead
from gateway.ports import Facts, ProofReplays

Refused = TypeVar("Refused", PossessionUnproved, InvalidDpopProof)


class Possession:
    """Checks proofs; `policy` is None where DPoP is switched off.

    Then no token gets bound, and one that was bound before is of no use: whoever shows it may have stolen it.
    """

    def __init__(
        self, policy: DpopPolicy | None = None, replays: ProofReplays | None = None, facts: Facts | None = None
    ) -> None:
        self._policy = policy
        self._replays = replays
        self._facts = Nothing() if facts is None else facts

    @property
    def is_offered(self) -> bool:
        """Whether tokens can be bound to keys."""
        return self._policy is not None

    async def ensure(self, head: RequestHead, bound_key: str, now: float) -> None:
        """Check that a token, which the Authorization of the request shows, is shown as it must be (section 7).

        Raises:
            PossessionUnproved: it is bound and shown as a Bearer or as a cookie, or it is not bound and shown as DPoP.
            InvalidDpopProof: the proof beside it is missing, proves another key, or was shown before.
        """
        self.ensure_scheme(head, bound_key)
        if not bound_key:
            return
        assert head.authorization is not None
        token = head.authorization.partition(b" ")[2].strip(b" ")
        proof = await self._find_proof(head, now, token)
        if proof is None or proof.thumbprint != bound_key:
            raise self._refused(InvalidDpopProof())

    def ensure_scheme(self, head: RequestHead, bound_key: str) -> None:
        """Check that a token that is bound to a key is shown as `DPoP`, and any other is not.

        Raises:
            PossessionUnproved: it is the other way round, or nobody here asks for proofs.
        """
        if has_dpop_scheme(head.authorization) is not bool(bound_key) or (bound_key and self._policy is None):
            raise self._refused(PossessionUnproved())

    async def find_key(self, head: RequestHead, now: float) -> str:
        """Return the thumbprint of the key that a token request proves, empty where it shows no proof (section 5).

        Raises:
            ProofRefused: the proof is repeated, proves nothing, was shown before, or holds no nonce of ours.
        """
        if self._policy is None:
            return ""
        try:
            proof = await self._find_proof(head, now, None)
        except UseDpopNonce as error:
            raise NonceDemanded(error.nonce) from error
        except InvalidDpopProof as error:
            raise ProofRefused from error
        return "" if proof is None else proof.thumbprint

    async def _find_proof(self, head: RequestHead, now: float, access_token: bytes | None) -> DpopProof | None:
        assert self._policy is not None
        assert self._replays is not None
        try:
            text = find_proof(head.fields)
            if text is None:
                return None
            proof = verify_proof(
                text, method=head.method, path=head.path, policy=self._policy, now=now, access_token=access_token
            )
        except InvalidDpopProof as error:
            raise self._refused(error) from None
        # Remembered last, so that only good proofs take up room.
        if not await self._replays.is_first(proof.name, proof.expires_at, now):
            raise self._refused(InvalidDpopProof())
        return proof

    def _refused(self, error: Refused) -> Refused:
        self._facts.count(Event.DPOP_REFUSED)
        return error

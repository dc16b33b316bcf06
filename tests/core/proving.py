"""A client with a key of its own, that makes DPoP proofs, good ones and others."""

import base64
import hashlib
import itertools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from gateway.keys.public import public_members, thumbprint

KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "PS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
KEYS["RS256"] = KEYS["PS256"]
_NUMBERS = itertools.count()


def encode(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hash_of(token: str) -> str:
    return encode(hashlib.sha256(token.encode()).digest())


class Prover:
    """Makes proofs with one key."""

    def __init__(self, algorithm: str = "ES256", key: Any = None) -> None:
        self.algorithm = algorithm
        self.key = KEYS[algorithm] if key is None else key

    @property
    def jwk(self) -> dict[str, object]:
        return dict(public_members(self.key.public_key()))

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.key.public_key())

    def proof(
        self,
        method: str,
        uri: str,
        now: float,
        *,
        token: str = "",
        header: dict[str, object] | None = None,
        claims: dict[str, object] | None = None,
    ) -> str:
        """Return a proof; a member that is None in `header` or `claims` is left out."""
        head = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk, **(header or {})}
        body = {"jti": f"proof-{next(_NUMBERS)}", "htm": method, "htu": uri, "iat": int(now)}
        if token:
            body["ath"] = hash_of(token)
        body |= claims or {}
        parts = [encode({name: value for name, value in part.items() if value is not None}) for part in (head, body)]
        signed = ".".join(parts)
        signature = get_default_algorithms()[self.algorithm].sign(signed.encode(), self.key)
        return f"{signed}.{encode(signature)}"

"""Tokens of every kind, honest and hostile: written by hand, byte for byte, and then properly signed."""

import base64
import json
from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from gateway.core.verify import Trust
from gateway.records import VerificationKey

NOW = 1_800_000_000.0
ISSUER = "https://www.example.com"
AUDIENCE = "app"
CLAIMS: Mapping[str, object] = {
    "iss": ISSUER,
    "sub": "ann",
    "aud": AUDIENCE,
    "client_id": "web",
    "iat": int(NOW),
    "nbf": int(NOW),
    "exp": int(NOW) + 3600,
    "jti": "token-1",
    "sid": "family-1",
    "seq": 7,
}
DROPPED = object()
"""The value of a claim or header parameter that shall be left out."""


@cache
def private_key(algorithm: str) -> object:
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def public_key(algorithm: str) -> VerificationKey:
    key = private_key(algorithm)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    return VerificationKey(f"key-{algorithm}", algorithm, key.public_key())


def trust(*algorithms: str, leeway: float = 0.0) -> Trust:
    keys = {key.kid: key for key in map(public_key, algorithms or ("RS256",))}
    return Trust(ISSUER, AUDIENCE, leeway, keys)


def base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def sign_raw(header: bytes, payload: bytes, algorithm: str = "RS256") -> bytes:
    """Sign exactly these bytes, whatever they are."""
    signing_input = base64url(header) + b"." + base64url(payload)
    signature = get_default_algorithms()[algorithm].sign(signing_input, private_key(algorithm))
    return signing_input + b"." + base64url(signature)


def header_bytes(algorithm: str = "RS256", **changes: object) -> bytes:
    members: dict[str, object] = {"typ": "at+jwt", "alg": algorithm, "kid": f"key-{algorithm}", **changes}
    return json.dumps({name: value for name, value in members.items() if value is not DROPPED}).encode()


def claim_bytes(**changes: object) -> bytes:
    members = {**CLAIMS, **changes}
    return json.dumps({name: value for name, value in members.items() if value is not DROPPED}).encode()


def token(algorithm: str = "RS256", header: Mapping[str, object] | None = None, **claims: object) -> bytes:
    """A good token, but for the header parameters and claims that are given."""
    return token_saying(claims, algorithm, header)


def token_saying(
    claims: Mapping[str, object], algorithm: str = "RS256", header: Mapping[str, object] | None = None
) -> bytes:
    """The same, with the claims as one mapping."""
    return sign_raw(header_bytes(algorithm, **(header or {})), claim_bytes(**claims), algorithm)

"""Public keys as the world sees them (RFC 7517): public members only, named by their thumbprint (RFC 7638)."""

import base64
import hashlib
from collections.abc import Mapping

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_COORDINATE = 32
"""Bytes of a P-256 coordinate (RFC 7518 section 6.2.1.2); we load no other curve."""


def public_members(key: PublicKey) -> Mapping[str, str]:
    """Return the members that are required to represent a key, and no others (RFC 7638 section 3.2)."""
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "e": _encode_number(numbers.e), "n": _encode_number(numbers.n)}
    if isinstance(key, EllipticCurvePublicKey):
        point = key.public_numbers()
        x, y = _encode_number(point.x, _COORDINATE), _encode_number(point.y, _COORDINATE)
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": _encode(raw)}


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638; RFC 8037 section 2 for Ed25519)."""
    canonical = orjson.dumps(public_members(key), option=orjson.OPT_SORT_KEYS)
    return _encode(hashlib.sha256(canonical).digest())


def as_jwk(kid: str, algorithm: str, key: PublicKey) -> Mapping[str, str]:
    """Return the JSON Web Key of a verification key."""
    return {**public_members(key), "kid": kid, "use": "sig", "alg": algorithm}


def _encode_number(number: int, length: int = 0) -> str:
    return _encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

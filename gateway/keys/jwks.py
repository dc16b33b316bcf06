"""The public key set of somebody else (RFC 7517): what of it can be believed, as verification keys."""

import base64
import binascii
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from gateway.core.jose import read_object
from gateway.core.verify import MAX_KEY_ID
from gateway.errors import InvalidToken
from gateway.keys.public import PublicKey
from gateway.keys.strength import find_weakness
from gateway.records import VerificationKey

MAX_KEYS = 64
"""Keys of a set; an issuer in the middle of a rotation has three or four."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHMS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}


class KeySetRefused(Exception):
    """The whole set is not believed; `str` of it says why, and holds nothing that the set says."""


def read_key_set(body: bytes, algorithms: Sequence[str]) -> Mapping[str, VerificationKey]:
    """Return the keys of a set that sign with one of `algorithms`, by their `kid`.

    Keys for other purposes and of other kinds are passed over (RFC 7517 section 5), and so are weak ones. A set that
    gives away secrets or in which two keys have one name was made by nobody who can be trusted with keys.

    Raises:
        KeySetRefused: it is no key set, holds a secret or symmetric key or one name twice, or has no key for us.
    """
    found: dict[str, VerificationKey] = {}
    for member in _members(body):
        if member.get("kty") == "oct" or not _PRIVATE.isdisjoint(member):
            raise KeySetRefused("it holds secret keys")
        key = _find_key(member, algorithms)
        if key is None:
            continue
        if key.kid in found:
            raise KeySetRefused("two of its keys have the same kid")
        found[key.kid] = key
    if not found:
        raise KeySetRefused("it has no key that can be used")
    return found


def _members(body: bytes) -> Sequence[Mapping[str, object]]:
    try:
        members = read_object(body).get("keys")
    except InvalidToken:
        raise KeySetRefused("it is not a JSON object") from None
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise KeySetRefused("it has no list of keys")
    if len(members) > MAX_KEYS:
        raise KeySetRefused(f"it has more than {MAX_KEYS} keys")
    return members


def _find_key(member: Mapping[str, object], algorithms: Sequence[str]) -> VerificationKey | None:
    kid, operations = member.get("kid"), member.get("key_ops")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KEY_ID or member.get("use", "sig") != "sig":
        return None
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    algorithm = _find_algorithm(member, algorithms)
    key = _find_public(member) if algorithm else None
    if key is None or find_weakness(key):
        return None
    return VerificationKey(kid, algorithm, key)


def _find_algorithm(member: Mapping[str, object], algorithms: Sequence[str]) -> str:
    """Return the one algorithm of a key. Where the key names none, the one that is configured for its kind is meant."""
    kind = str(member.get("kty")), str(member.get("crv", ""))
    usable = [algorithm for algorithm in _ALGORITHMS.get(kind, ()) if algorithm in algorithms]
    named = member.get("alg")
    if named is None:
        return usable[0] if len(usable) == 1 else ""
    if named == "Ed25519" and "EdDSA" in usable:  # the fully specified name (RFC 9864), which its tokens have too
        return "Ed25519"
    return named if isinstance(named, str) and named in usable else ""


def _find_public(member: Mapping[str, object]) -> PublicKey | None:
    try:
        match member.get("kty"):
            case "RSA":
                return RSAPublicNumbers(_number(member, "e"), _number(member, "n")).public_key()
            case "EC":
                x, y = _number(member, "x"), _number(member, "y")
                return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
            case _:
                return Ed25519PublicKey.from_public_bytes(_octets(member, "x"))
    except (ValueError, binascii.Error):
        return None


def _number(member: Mapping[str, object], name: str) -> int:
    return int.from_bytes(_octets(member, name), "big")


def _octets(member: Mapping[str, object], name: str) -> bytes:
    value = str(member.get(name, "-"))  # a lone character is no base64
    return base64.b64decode(value.encode("ascii") + b"=" * (-len(value) % 4), altchars=b"-_", validate=True)

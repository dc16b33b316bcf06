"""Proof that a client has the private key that its token is bound to (RFC 9449, DPoP).

A proof is a small JWS signed for one request: its method, its address, its time and, beside an access token, the token.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from gateway.core.claims import read_date, read_identifier
from gateway.core.jose import read_compact, read_object
from gateway.core.target_uri import find_normal_uri
from gateway.core.verify import REFUSED_PARAMETERS, ensure_signature
from gateway.errors import InvalidDpopProof, InvalidToken, UseDpopNonce
from gateway.headers import Pairs
from gateway.records import VerificationKey

ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
"""An allow-list (section 11.6): asymmetric, and none that we would not sign with ourselves."""

MAX_PROOF = 4096
"""Bytes; a proof with an RSA key of 4096 bits has about 2,000."""

NONCE_LIFE = 300.0
"""Seconds after which the next nonce is given; the one before is accepted as long again."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS = range(2048, 4097)
_LONGEST_EXPONENT = 6  # characters: 32 bits; with a long one, verifying costs as much as signing
_MEMBERS: Mapping[str, tuple[str, ...]] = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("e", "n")}
_KINDS = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519"), "PS256": ("RSA", None), "RS256": ("RSA", None)}
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,1024}")  # base64url, and the names of curves too
_SCHEME = re.compile(rb"dpop +", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DpopPolicy:
    """What proofs are held to. `origin` is that of the public URL; never taken from Host.

    A proof is good for `max_age` seconds, and may have been made up to `leeway` seconds ahead of our clock. With
    `nonce_key`, a secret of all gateways, it must hold a nonce that we gave (section 8).
    """

    origin: str
    max_age: float = 60.0
    leeway: float = 30.0
    nonce_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class DpopProof:
    """A proof that was verified. `name` tells it from all others, `expires_at` is when it would be refused anyhow."""

    thumbprint: str
    """Of the key that it was signed with (RFC 7638)."""
    name: str
    expires_at: float


def has_dpop_scheme(authorization: bytes | None) -> bool:
    """Whether an Authorization says that its token is bound to a key (section 7.1)."""
    return authorization is not None and _SCHEME.match(authorization) is not None


def find_proof(fields: Pairs) -> bytes | None:
    """Return the value of the one `DPoP` field, or None where there is none.

    Raises:
        InvalidDpopProof: there is more than one (section 4.3, check 1).
    """
    found = [value for name, value in fields if name.lower() == b"dpop"]
    if len(found) > 1:
        raise InvalidDpopProof
    return found[0] if found else None


def verify_proof(
    text: bytes, *, method: bytes, path: bytes, policy: DpopPolicy, now: float, access_token: bytes | None = None
) -> DpopProof:
    """Check a proof as section 4.3 says, but for whether it was shown before.

    `method` and `path` are those of the request; with `access_token` the proof must have been made for it.

    Raises:
        InvalidDpopProof: it proves nothing. Why is not said.
        UseDpopNonce: it would be good, but holds no nonce of ours, or an old one.
    """
    try:
        return _verify(text, method, path, policy, now, access_token)
    except (InvalidToken, PyJWTError, ValueError, TypeError, KeyError):
        raise InvalidDpopProof from None


def _verify(
    text: bytes, method: bytes, path: bytes, policy: DpopPolicy, now: float, access_token: bytes | None
) -> DpopProof:
    if len(text) > MAX_PROOF:
        raise ValueError("too long")
    jws = read_compact(text)
    algorithm, members = _read_header(jws.header)
    ensure_signature(jws, _key_of(algorithm, members))
    claims = read_object(jws.payload)
    _ensure_made_for(claims, method, path, policy, access_token)
    issued_at = read_date(claims, "iat")
    if not now - policy.max_age < issued_at <= now + policy.leeway:
        raise ValueError("too old, or from the future")
    _ensure_nonce(claims, policy, now)
    thumbprint = _digest(orjson.dumps(members, option=orjson.OPT_SORT_KEYS))
    name = _digest(f"{thumbprint} {read_identifier(claims, 'jti')}".encode())
    return DpopProof(thumbprint, name, issued_at + policy.max_age)


def nonce_at(key: bytes, now: float) -> str:
    """Return the nonce of a moment. It needs no store: whoever has the key knows the one before as well."""
    return _encode(hmac.digest(key, b"%d" % (now // NONCE_LIFE), hashlib.sha256)[:16])


def _ensure_nonce(claims: Mapping[str, object], policy: DpopPolicy, now: float) -> None:
    if not policy.nonce_key:
        return
    current, before = nonce_at(policy.nonce_key, now), nonce_at(policy.nonce_key, now - NONCE_LIFE)
    if claims.get("nonce") not in (current, before):
        raise UseDpopNonce(current)


def _read_header(header: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """Return the algorithm and the members that identify the public key."""
    algorithm, jwk = header.get("alg"), header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not REFUSED_PARAMETERS.isdisjoint(header):
        raise ValueError("another kind of token")
    if type(algorithm) is not str or algorithm not in ALGORITHMS or type(jwk) is not dict:
        raise ValueError("an algorithm or a key that is not accepted")
    kind, curve = _KINDS[algorithm]
    if jwk.get("kty") != kind or not _PRIVATE.isdisjoint(jwk) or (curve is not None and jwk.get("crv") != curve):
        raise ValueError("a key of another kind, or a private one")
    members = {"kty": kind, **{name: jwk[name] for name in _MEMBERS[kind]}}
    if not all(type(value) is str and _VALUE.fullmatch(value) for value in members.values()):
        raise ValueError("a key that cannot be read")
    return algorithm, members


def _key_of(algorithm: str, members: dict[str, str]) -> VerificationKey:
    kind = members["kty"]
    if kind == "EC":
        return VerificationKey("", algorithm, ECAlgorithm.from_jwk(members))
    if kind == "OKP":
        return VerificationKey("", algorithm, OKPAlgorithm.from_jwk(members))
    key = RSAAlgorithm.from_jwk(members)
    if key.key_size not in _RSA_BITS or len(members["e"]) > _LONGEST_EXPONENT:
        raise ValueError("too weak, or too costly to verify")
    return VerificationKey("", algorithm, key)


def _ensure_made_for(
    claims: Mapping[str, object], method: bytes, path: bytes, policy: DpopPolicy, access_token: bytes | None
) -> None:
    if claims.get("htm") != method.decode("ascii"):
        raise ValueError("made for another method")
    shown, ours = claims["htu"], find_normal_uri(policy.origin + path.decode("ascii"))
    if type(shown) is not str or ours is None or find_normal_uri(shown) != ours:
        raise ValueError("made for another address")
    if access_token is None:
        return
    hashed = claims["ath"]
    if type(hashed) is not str or not hmac.compare_digest(hashed.encode(), _digest(access_token).encode()):
        raise ValueError("made for another token")


def _digest(value: bytes) -> str:
    return _encode(hashlib.sha256(value).digest())


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

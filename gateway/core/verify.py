"""From the bytes of a token to a `VerifiedToken`: form, key, signature, and only then what it claims (RFC 9068)."""

import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson
from jwt.algorithms import Algorithm, get_default_algorithms

from gateway.core.claims import has_audience, read_bound_key, read_date, read_identifier, read_sequence, read_subject
from gateway.core.jose import CompactJws, TokenFault, read_compact, read_object
from gateway.errors import InvalidToken
from gateway.model import VerifiedToken
from gateway.records import VerificationKey
from gateway.remote_token import RemoteToken

MAX_KEY_ID = 128
"""Characters of a `kid`; ours are thumbprints of 43."""

_NAMES = {"RS256": "RS256", "PS256": "PS256", "ES256": "ES256", "EdDSA": "EdDSA", "Ed25519": "EdDSA"}
"""Our names of algorithms, and the library's. Only other issuers use the fully specified one (RFC 9864)."""
_ALGORITHMS: Mapping[str, Algorithm] = {name: get_default_algorithms()[library] for name, library in _NAMES.items()}
# An allow-list (RFC 8725 section 3.1): no symmetric algorithm is on it, so no public key can become a shared secret.

ACCESS_TOKEN = frozenset({"at+jwt", "application/at+jwt"})
"""What `typ` says of an access token (RFC 9068 section 2.1)."""

REFUSED_PARAMETERS = frozenset({"crit", "zip", "enc", "p2c", "b64", "cty"})
# `crit` names extensions and we have none. `zip`, `enc` and `p2c` belong to encryption and spend memory or time.
# `b64` changes what was signed (RFC 7797). `cty` announces a token in the token; RFC 7519 section 5.2 advises
# against it everywhere else. `jku`, `x5u`, `jwk` and `x5c` are read by nobody: keys come from configuration alone.

_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PEEK_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are believed, for which audience, under which keys. `leeway` is in seconds of clock difference."""

    issuer: str
    audience: str
    leeway: float
    keys: Mapping[str, VerificationKey]


def verify(text: bytes, trust: Trust, now: float) -> VerifiedToken:
    """Prove an access token. Nothing that it claims is believed before its signature is verified.

    ECDSA signatures stay malleable: (r, n-s) is as good as (r, s), and half of all honest signers send a large s.
    Nothing may therefore be keyed on the bytes of a token but what they prove; the blacklist names jti, sid and sub.

    Raises:
        InvalidToken: with a `TokenFault` as its reason.
    """
    jws = read_compact(text)
    ensure_type(jws.header, ACCESS_TOKEN)
    ensure_signature(jws, find_key(jws.header, trust.keys))
    token = _believe(read_object(jws.payload), trust)
    ensure_first_in_force(token, trust.leeway, now)
    return token


def ensure_first_in_force(token: VerifiedToken | RemoteToken, leeway: float, now: float) -> None:
    """Check the times of a token that nobody has seen before: it must not come from the future either.

    Raises:
        InvalidToken: as `ensure_in_force`, or it was issued later than now.
    """
    ensure_in_force(token, leeway, now)
    if token.issued_at > now + leeway:
        raise InvalidToken(TokenFault.ISSUED_LATER)


def ensure_in_force(token: VerifiedToken | RemoteToken, leeway: float, now: float) -> None:
    """Check the times of a token that was verified before. A token is over at its very second (`now` < `exp`).

    Raises:
        InvalidToken: it has expired or is not valid yet.
    """
    if now >= token.expires_at + leeway:
        raise InvalidToken(TokenFault.EXPIRED)
    if token.not_before > now + leeway:
        raise InvalidToken(TokenFault.NOT_YET_VALID)


def find_issuer(text: bytes) -> str | None:
    """Peek at the `iss` of something that looks like a JWS, or None. Proves nothing: it only says who is responsible.

    More lenient than `verify`, so that a damaged token of ours is refused as ours and not taken for somebody else's.
    """
    parts = text[:_PEEK_LIMIT].split(b".", 2)
    if len(parts) < 2:
        return None
    try:
        payload = orjson.loads(_decode_leniently(parts[1]))
    except ValueError:
        return None
    issuer = payload.get("iss") if isinstance(payload, dict) else None
    return issuer if isinstance(issuer, str) else None


def _decode_leniently(part: bytes) -> bytes:
    return binascii.a2b_base64(part.translate(_FROM_URL_SAFE) + b"==")


def ensure_type(header: Mapping[str, object], types: Collection[str]) -> None:
    """Check that a header asks for nothing that we refuse, and that its `typ` is one of `types`.

    Media types are compared whatever their case (RFC 7515 section 4.1.9). Where none is given, "" must be among them.

    Raises:
        InvalidToken: it is not so.
    """
    if not REFUSED_PARAMETERS.isdisjoint(header):
        raise InvalidToken(TokenFault.HEADER)
    type_ = header.get("typ", "")
    if type(type_) is not str or type_.lower() not in types:
        raise InvalidToken(TokenFault.TYPE)


def find_key(header: Mapping[str, object], keys: Mapping[str, VerificationKey]) -> VerificationKey:
    """Return the key that `kid` names, if `alg` is its one algorithm.

    Raises:
        InvalidToken: there is none.
    """
    key_id = header.get("kid")
    if type(key_id) is not str or len(key_id) > MAX_KEY_ID:
        raise InvalidToken(TokenFault.HEADER)
    key = keys.get(key_id)
    if key is None:
        raise InvalidToken(TokenFault.UNKNOWN_KEY)
    if header.get("alg") != key.algorithm:
        raise InvalidToken(TokenFault.ALGORITHM)
    return key


def ensure_signature(jws: CompactJws, key: VerificationKey) -> None:
    """Check that a key signed a JWS, with the one algorithm of the key.

    Raises:
        InvalidToken: it did not.
    """
    algorithm = _ALGORITHMS.get(key.algorithm)
    if algorithm is None:
        raise InvalidToken(TokenFault.ALGORITHM)
    try:
        is_genuine = algorithm.verify(jws.signing_input, key.key, jws.signature)
    except Exception:  # libraries raise outside of their own hierarchy; whatever it is, the token was not verified
        raise InvalidToken(TokenFault.SIGNATURE) from None
    if not is_genuine:
        raise InvalidToken(TokenFault.SIGNATURE)


def _believe(claims: dict[str, object], trust: Trust) -> VerifiedToken:
    if claims.get("iss") != trust.issuer:
        raise InvalidToken(TokenFault.ISSUER)
    if not has_audience(claims, trust.audience):
        raise InvalidToken(TokenFault.AUDIENCE)
    return VerifiedToken(
        subject=read_subject(claims, "sub"),
        session_id=read_identifier(claims, "sid"),
        token_id=read_identifier(claims, "jti"),
        client_id=read_subject(claims, "client_id"),
        sequence=read_sequence(claims, "seq"),
        issued_at=read_date(claims, "iat"),
        not_before=read_date(claims, "nbf"),
        expires_at=read_date(claims, "exp"),
        claims=MappingProxyType(claims),
        bound_key=read_bound_key(claims),
    )

"""The claims of an access token (RFC 9068): how they are written, and what shape they must have to be believed."""

import re
from collections.abc import Mapping
from typing import TypeGuard

from gateway.core.jose import TokenFault
from gateway.errors import InvalidToken
from gateway.records import Family

_MAX_DATE = 2.0**53
_MAX_SEQUENCE = 2**63 - 1
_SUBJECT = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_IDENTIFIER = re.compile(r"[!-~]{1,128}")


def access_claims(
    family: Family,
    *,
    issuer: str,
    audience: str,
    token_id: str,
    sequence: int,
    lifetime: float,
    now: float,
    bound_key: str = "",
) -> dict[str, object]:
    """Return the claims of a new access token of a family.

    With `bound_key`, the thumbprint of a key, the token is of use only with a proof of that key (RFC 9449).
    `lifetime` is in seconds, `now` in seconds since 1970. The token never outlives the family. What the family's
    session says stands beside our own claims and never in their place.
    """
    issued_at = int(now)
    return {
        **family.claims,
        "iss": issuer,
        "sub": family.subject,
        "aud": audience,
        "client_id": family.client_id,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": int(min(now + lifetime, family.absolute_expires_at)),
        "jti": token_id,
        "sid": family.id,
        "seq": sequence,
        **({"cnf": {"jkt": bound_key}} if bound_key else {}),
    }


def read_subject(claims: Mapping[str, object], name: str) -> str:
    """Return a claim that is copied to a header: printable ASCII, 1 to 255 bytes, no space around it.

    Raises:
        InvalidToken: it is missing or anything else.
    """
    return _read_text(claims, name, _SUBJECT)


def read_identifier(claims: Mapping[str, object], name: str) -> str:
    """Return a claim that becomes part of a store's key: visible ASCII, 1 to 128 bytes.

    Raises:
        InvalidToken: it is missing or anything else.
    """
    return _read_text(claims, name, _IDENTIFIER)


def read_date(claims: Mapping[str, object], name: str) -> float:
    """Return a NumericDate (RFC 7519 section 2): a number of seconds since 1970, from 0 to 2^53; a fraction is allowed.

    Raises:
        InvalidToken: it is missing or anything else; `true` is no number, and neither is a number in a string.
    """
    value = claims.get(name)
    if not _is_number(value) or not 0 <= value <= _MAX_DATE:
        raise InvalidToken(TokenFault.CLAIMS)
    return float(value)


def read_sequence(claims: Mapping[str, object], name: str) -> int:
    """Return a claim that is a whole number from 0 to 2^63 - 1.

    Raises:
        InvalidToken: it is missing or anything else.
    """
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_SEQUENCE:
        raise InvalidToken(TokenFault.CLAIMS)
    return value


def read_bound_key(claims: Mapping[str, object]) -> str:
    """Return the thumbprint of the key that a token is bound to (RFC 9449 section 6.1); empty where it is to none.

    Raises:
        InvalidToken: it is bound in another way, which nobody here could check.
    """
    if "cnf" not in claims:
        return ""
    confirmation = claims["cnf"]
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) and len(confirmation) == 1 else None
    if type(thumbprint) is not str or _THUMBPRINT.fullmatch(thumbprint) is None:
        raise InvalidToken(TokenFault.CLAIMS)
    return thumbprint


def has_audience(claims: Mapping[str, object], audience: str) -> bool:
    """Whether `aud` is the audience, or a list of strings with the audience among them (RFC 7519 section 4.1.3)."""
    value = claims.get("aud")
    if isinstance(value, list):
        return audience in value and all(type(member) is str for member in value)
    return value == audience


def _read_text(claims: Mapping[str, object], name: str, shape: re.Pattern[str]) -> str:
    value = claims.get(name)
    if type(value) is not str or shape.fullmatch(value) is None:
        raise InvalidToken(TokenFault.CLAIMS)
    return value


def _is_number(value: object) -> TypeGuard[int | float]:
    return type(value) is int or type(value) is float

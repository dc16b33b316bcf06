"""The strict reader in front of the JWT library: what is not exactly one compact JWS of plain JSON is refused.

Libraries accept duplicate members, UTF-16, padded or non-canonical base64, trees of any depth and bodies of any size
(RFC 8725 and its revision list most of these as attacks). Everything here happens before a key is looked at.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, NoReturn

from gateway.errors import InvalidToken

MAX_TOKEN = 8 * 1024
"""Bytes of a token, measured before base64: a library that decodes first can be made to fill the memory."""
MAX_DEPTH = 16
"""How deep objects and arrays may be nested."""

_COMPACT = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class TokenFault(StrEnum):
    """The closed set of reasons an `InvalidToken` is raised with: for metrics and logs, never shown to a client."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    """Not three parts of canonical base64url, or a part that is not one plain JSON object."""
    HEADER = "header"
    """A header parameter that is refused or has the wrong shape."""
    TYPE = "type"
    """The token is of another kind: `typ` is not that of an access token."""
    UNKNOWN_KEY = "unknown_key"
    ALGORITHM = "algorithm"
    """Not the one algorithm of the key that `kid` names."""
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    CLAIMS = "claims"
    """A claim is missing or has the wrong shape."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUED_LATER = "issued_later"
    """`iat` lies in the future."""
    REVOKED = "revoked"


class CompactJws(NamedTuple):
    """A compact JWS (RFC 7515 section 7.1), taken apart and not yet believed."""

    header: Mapping[str, object]
    payload: bytes
    """As decoded; read it with `read_object` once the signature is verified."""
    signature: bytes
    signing_input: bytes
    """The bytes that were signed: header and payload as sent, with the dot."""


def read_compact(text: bytes) -> CompactJws:
    """Take a token apart.

    Raises:
        InvalidToken: too large, not exactly three parts of canonical base64url, or its header is not a JSON object.
    """
    if len(text) > MAX_TOKEN:
        raise InvalidToken(TokenFault.TOO_LARGE)
    parts = _COMPACT.fullmatch(text)
    if parts is None:
        raise InvalidToken(TokenFault.MALFORMED)
    header, payload, signature = (_decode(part) for part in parts.groups())
    return CompactJws(read_object(header), payload, signature, text[: parts.end(2)])


def read_object(text: bytes) -> dict[str, object]:
    """Read one JSON object strictly (RFC 7493): UTF-8 without a mark, no member twice, no lone surrogate, not deep.

    Raises:
        InvalidToken: it is anything else.
    """
    try:
        return _read_object(text.decode("utf-8"))
    except ValueError:  # UnicodeError and JSONDecodeError are ValueErrors too
        raise InvalidToken(TokenFault.MALFORMED) from None


def _read_object(text: str) -> dict[str, object]:
    _ensure_shallow(text)
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=int
    )
    if type(value) is not dict:
        raise ValueError("not an object")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
    return value


def _decode(part: bytes) -> bytes:
    # Unused bits of the last character, and padding, would give one token several spellings (RFC 4648 section 3.5).
    try:
        value = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidToken(TokenFault.MALFORMED) from None
    if base64.urlsafe_b64encode(value).rstrip(b"=") != part:
        raise InvalidToken(TokenFault.MALFORMED)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _ensure_shallow(text: str) -> None:
    # The parser recurses; how far it gets depends on who called it, so the bound is ours and exact.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKET_OR_STRING.finditer(text):
        mark = found[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError("nested too deeply")
        elif mark in "]}":
            depth -= 1

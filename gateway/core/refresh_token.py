"""What a refresh token looks like, what is stored of it, and how its successor is sealed under it.

The form is `rt1.<43 characters>.<6 characters>`: a prefix that leak scanners can find, 32 random bytes, and a checksum
that rejects what was mistyped or cut off without asking a store. It says nothing and carries nothing.
"""

import base64
import hashlib
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import InvalidGrant, StoreUnavailable

PREFIX = "rt1."
"""What every refresh token begins with."""

_FORM = re.compile(r"(rt1\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])\.([A-Za-z0-9_-]{6})")
# The last of 43 characters carries four bits: only these sixteen leave no unused bit set, so a token has one spelling.
_ENTROPY = 32
_NONCE = 12


def new_refresh_token(entropy: bytes) -> str:
    """Write 32 random bytes as a refresh token.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(entropy) != _ENTROPY:
        raise ValueError("a refresh token is made of 32 random bytes")
    body = PREFIX + _base64url(entropy)
    return f"{body}.{_checksum(body)}"


def ensure_well_formed(token: str) -> None:
    """Check the form and the checksum of a presented token; what passes is worth a question to the store.

    Raises:
        InvalidGrant: it was never given out (reason `malformed`).
    """
    form = _FORM.fullmatch(token)
    if form is None or not hmac.compare_digest(_checksum(form[1]), form[2]):
        raise InvalidGrant("malformed")


def hash_token(token: str) -> bytes:
    """Return what is stored of a token: SHA-256, 32 bytes. No salt is needed for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def seal_successor(successor: str, *, presented: str, family_id: str, generation: int, pepper: bytes) -> bytes:
    """Encrypt a successor so that only who holds the presented token, and the pepper, can read it (AES-256-GCM).

    `generation` is that of the presented token. The nonce follows from the successor: when a store repeats its
    transaction with another successor, the same key never sees the same nonce for two texts.
    """
    nonce = hashlib.sha256(b"crossfade nonce" + successor.encode()).digest()[:_NONCE]
    key = _derive_key(presented, family_id, generation, pepper)
    return nonce + AESGCM(key).encrypt(nonce, successor.encode(), None)


def unseal_successor(sealed: bytes | None, *, presented: str, family_id: str, generation: int, pepper: bytes) -> str:
    """Read a sealed successor.

    Raises:
        StoreUnavailable: it is lost or was sealed under another pepper. That is a fault of ours and no replay.
    """
    if sealed is None:
        raise StoreUnavailable
    key = _derive_key(presented, family_id, generation, pepper)
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
    except (InvalidTag, ValueError):
        raise StoreUnavailable from None


def _derive_key(presented: str, family_id: str, generation: int, pepper: bytes) -> bytes:
    info = f"crossfade successor|{len(family_id)}|{family_id}|{generation}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=pepper, info=info).derive(presented.encode())


def _checksum(body: str) -> str:
    return _base64url(hashlib.sha256(body.encode()).digest()[:4])


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

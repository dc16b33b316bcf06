"""Rails' cookie jar: keys derived from `secret_key_base`, encrypted and signed cookies, and what is in them.

https://guides.rubyonrails.org/security.html#session-storage
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from gateway.codec import (
    MAX_CSRF,
    Cookies,
    Lookup,
    Reading,
    Secrets,
    UnreadableSession,
    decode_base64,
    find_path,
    load_json,
    read_date,
)
from gateway.formats.ruby import load_marshal
from gateway.model import Anonymous, LegacySession

_SALT = 29  # characters of a bcrypt hash that are its salt
_ITERATIONS = 1000  # ActiveSupport::KeyGenerator as Rails makes it


@dataclass(frozen=True, slots=True)
class RailsKeys:
    """The keys of one `secret_key_base` under one digest: for encrypted cookies since and before 5.2, and signed."""

    encrypted: bytes = field(repr=False)
    encrypted_before_5_2: bytes = field(repr=False)
    mac_before_5_2: bytes = field(repr=False)
    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviseBinding:
    """The check that Devise makes: the session holds the beginning of the user's password hash, its salt.

    The user's row is looked up in `table` by `key`. `salt` is where the session holds it.
    """

    table: str = "users"
    key: str = "id"
    password: str = "encrypted_password"  # noqa: S105 - a column
    salt: str = "warden.user.user.key.1"

    def check(self, verdict: LegacySession, session: object) -> Reading:
        """Look the user up, and return the verdict as bound or as nobody's.

        Raises:
            UnreadableSession: the session holds no salt.
        """
        row = yield Lookup(self.table, self.key, verdict.subject, (self.password,))
        stored, shown = (None if row is None else row[0]), find_path(session, self.salt)
        if not isinstance(shown, str) or len(shown) != _SALT:
            raise UnreadableSession  # it is not where it was configured to be, which says nothing of the user
        if not isinstance(stored, str):
            return Anonymous("not_bound")
        holds = hmac.compare_digest(stored[:_SALT].encode("utf-8", "replace"), shown.encode("utf-8", "replace"))
        return replace(verdict, is_bound=True) if holds else Anonymous("not_bound")


def bound(verdict: LegacySession | Anonymous, session: object, binding: DeviseBinding | None) -> Reading:
    """Make the binding check where there is one to make."""
    if binding is None or isinstance(verdict, Anonymous):
        return verdict
    return (yield from binding.check(verdict, session))


def derive_keys(secrets: Secrets) -> tuple[RailsKeys, ...]:
    """Derive all keys, which takes some milliseconds: with SHA-256 as since Rails 7.0, and with SHA-1 as before."""
    return tuple(_derive(secret, digest) for secret in secrets for digest in ("sha256", "sha1"))


def _derive(secret: bytes, digest: str) -> RailsKeys:
    def key(salt: bytes, length: int) -> bytes:
        return hashlib.pbkdf2_hmac(digest, secret, salt, _ITERATIONS, length)

    return RailsKeys(
        encrypted=key(b"authenticated encrypted cookie", 32),
        encrypted_before_5_2=key(b"encrypted cookie", 32),
        mac_before_5_2=key(b"signed encrypted cookie", 64),
        signed=key(b"signed cookie", 64),
    )


def find_encrypted(text: bytes, keys: Iterable[RailsKeys]) -> bytes | None:
    """Return what is in an encrypted cookie; None where no key fits. Nothing is decrypted before that is known."""
    try:
        parts = [decode_base64(part) for part in text.rsplit(b"--", 2)] if text.count(b"--") == 2 else []
        if parts:
            return _decrypt_gcm(parts[0], parts[1], parts[2], keys)
        return _decrypt_cbc(text, keys)
    except (UnreadableSession, ValueError):  # nobody who knows a key writes such a thing
        return None


def _decrypt_gcm(sealed: bytes, nonce: bytes, tag: bytes, keys: Iterable[RailsKeys]) -> bytes | None:
    if len(tag) != 16:  # a shorter one would be easier to guess
        return None
    for key in keys:
        try:
            return AESGCM(key.encrypted).decrypt(nonce, sealed + tag, None)
        except InvalidTag:
            continue
    return None


def _decrypt_cbc(text: bytes, keys: Iterable[RailsKeys]) -> bytes | None:
    for key in keys:
        signed = _find_verified(text, key.mac_before_5_2)
        if signed is not None:
            sealed, _, nonce = signed.partition(b"--")
            cipher = Cipher(algorithms.AES(key.encrypted_before_5_2), modes.CBC(decode_base64(nonce)))
            decryptor, unpadder = cipher.decryptor(), PKCS7(128).unpadder()
            padded = decryptor.update(decode_base64(sealed)) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
    return None


def find_signed(text: bytes, keys: Iterable[RailsKeys]) -> bytes | None:
    """Return what is in a signed cookie; None where no key fits."""
    found = (_find_verified(text, key.signed) for key in keys)
    return next((value for value in found if value is not None), None)


def _find_verified(text: bytes, key: bytes) -> bytes | None:
    value, _, signature = text.rpartition(b"--")
    digest = "sha1" if len(signature) == 40 else "sha256"
    if not hmac.compare_digest(hmac.digest(key, value, digest).hex().encode(), signature):
        return None
    try:
        return base64.b64decode(value)
    except ValueError:
        return None


def envelope(value: bytes, purpose: str, expires_at: float) -> bytes:
    """Put JSON into an envelope that says which cookie it was made for, and until when (seconds since 1970)."""
    ends = datetime.fromtimestamp(expires_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = base64.b64encode(value).decode()
    return json.dumps({"_rails": {"message": message, "exp": ends, "pur": f"cookie.{purpose}"}}).encode()


def signed(content: bytes, keys: RailsKeys) -> bytes:
    """Sign what is in a cookie, with SHA-1 as Rails does unless it is told otherwise."""
    value = base64.b64encode(content)
    return value + b"--" + hmac.digest(keys.signed, value, "sha1").hex().encode()


def encrypted(content: bytes, keys: RailsKeys, entropy: Callable[[int], bytes]) -> bytes:
    """Encrypt what is in a cookie, as since Rails 5.2."""
    nonce = entropy(12)
    sealed = AESGCM(keys.encrypted).encrypt(nonce, content, None)
    return b"--".join(base64.b64encode(part) for part in (sealed[:-16], nonce, sealed[-16:]))


def open_envelope(content: bytes, purpose: str, now: float) -> object | None:
    """Return the value in a cookie whose signature was good; None when it has expired or was made for another cookie.

    Since Rails 6.0 an envelope tells both; before, the value stands there by itself.

    Raises:
        UnreadableSession: it is neither JSON nor a Marshal of plain values.
    """
    value = load_value(content)
    envelope = value.get("_rails") if isinstance(value, Mapping) else None
    if envelope is None:
        return value
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get("message"), str):
        raise UnreadableSession
    expires = envelope.get("exp")
    if envelope.get("pur") not in {None, f"cookie.{purpose}"} or (expires is not None and read_date(expires) <= now):
        return None
    return load_value(decode_base64(envelope["message"].encode()))


def find_text(cookies: Cookies, path: str, keys: Iterable[RailsKeys], now: float) -> str:
    """Return what stands at `path` in the first of the cookies that is an encrypted session; empty where none is."""
    for name, text in cookies.items():
        content = find_encrypted(unquote_to_bytes(text), keys)
        try:
            session = None if content is None else open_envelope(content, name.decode("latin-1"), now)
        except UnreadableSession:
            continue
        value = find_path(session, path)
        if isinstance(value, str) and len(value) <= MAX_CSRF:
            return value
    return ""


def load_value(content: bytes) -> object:
    """Read JSON, or Marshal as its first bytes say.

    Raises:
        UnreadableSession: it is neither.
    """
    return load_marshal(content) if content.startswith(b"\x04\x08") else load_json(content)

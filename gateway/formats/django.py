"""What all of Django's session backends share: signed text, the check against the password, dates.

Signed text is `payload:timestamp:signature`. https://docs.djangoproject.com/en/5.2/topics/signing/
"""

import base64
import hashlib
import hmac
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.codec import MAX_TEXT, Lookup, Reading, Row, Secrets, UnreadableSession, unpack
from gateway.formats.written import packed
from gateway.model import Anonymous, LegacySession

SALT = b"django.contrib.sessions.SessionStore"
"""The name of the session store class, as the backends db, cached_db, cache and file have it."""
_NUMBER = re.compile(rb"[0-9A-Za-z]{1,6}\Z")  # seconds since 1970, until the year 3770
_DIGITS = (string.digits + string.ascii_uppercase + string.ascii_lowercase).encode()
_PASSWORD_SALT = b"django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


@dataclass(frozen=True, slots=True)
class Binding:
    """The check that Django itself makes: the session was opened under the user's present password.

    The user's row is looked up in `table` by its primary key; `active` is empty where there is no such column.
    `hex_keys` is for UUID keys on databases without a type for them (SQLite, MySQL).
    """

    table: str = "auth_user"
    key: str = "id"
    password: str = "password"  # noqa: S105 - a column
    active: str = "is_active"
    hex_keys: bool = False

    def lookup(self, subject: str) -> Lookup:
        """Ask for the user's row."""
        columns = (self.password, self.active) if self.active else (self.password,)
        return Lookup(self.table, self.key, subject.replace("-", "") if self.hex_keys else subject, columns)

    def holds(self, row: Row | None, shown: object, secrets: Secrets) -> bool:
        """Whether `shown`, the session's `_auth_user_hash`, was made from the password in the user's row."""
        if row is None or not all(row[1:]) or not isinstance(row[0], str) or not isinstance(shown, str):
            return False
        algorithm = "sha1" if len(shown) == 40 else "sha256"  # SHA-1 before Django 3.1
        password = row[0].encode("utf-8", "replace")
        macs = (_mac(_PASSWORD_SALT, secret, password, algorithm).hex().encode() for secret in secrets)
        return _is_among(shown.encode("utf-8", "replace"), macs)


def _mac(salt: bytes, secret: bytes, value: bytes, algorithm: str) -> bytes:
    return hmac.digest(hashlib.new(algorithm, salt + secret).digest(), value, algorithm)


def _is_among(shown: bytes, macs: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(mac, shown) for mac in macs)


def find_signed(text: bytes, secrets: Secrets, salt: bytes) -> tuple[bytes, bytes] | None:
    """Return payload and timestamp of signed text, or None when no secret fits."""
    value, _, signature = text.rpartition(b":")
    macs = (_mac(salt + b"signer", secret, value, "sha256") for secret in secrets)
    if not _is_among(signature, (base64.urlsafe_b64encode(mac).rstrip(b"=") for mac in macs)):
        return None
    payload, _, timestamp = value.rpartition(b":")
    return payload, timestamp


def signed(payload: bytes, now: float, secret: bytes, salt: bytes) -> bytes:
    """Sign JSON as Django's sessions do: packed, then the time, then the signature."""
    value = packed(payload) + b":" + write_base62(int(now))
    mac = _mac(salt + b"signer", secret, value, "sha256")
    return value + b":" + base64.urlsafe_b64encode(mac).rstrip(b"=")


def password_hash(password: str, secret: bytes) -> str:
    """Return what ties a session to a password: `get_session_auth_hash`."""
    return _mac(_PASSWORD_SALT, secret, password.encode("utf-8", "replace"), "sha256").hex()


def bound(verdict: LegacySession | Anonymous, session: object, binding: Binding | None, secrets: Secrets) -> Reading:
    """Make the binding check where there is one to make."""
    if binding is None or isinstance(verdict, Anonymous):
        return verdict
    row = yield binding.lookup(verdict.subject)
    shown = session.get("_auth_user_hash") if isinstance(session, dict) else None
    if not binding.holds(row, shown, secrets):
        return Anonymous("not_bound")
    return replace(verdict, is_bound=True, bound_to=str(shown))


def read_base62(text: bytes) -> int:
    """Read the time of a signature, in seconds since 1970.

    Raises:
        UnreadableSession: it is no such number.
    """
    if _NUMBER.match(text) is None:
        raise UnreadableSession
    value = 0
    for byte in text:
        value = value * 62 + _DIGITS.index(byte)
    return value


def write_base62(value: int) -> bytes:
    """Write the time of a signature."""
    digits = bytearray()
    while value:
        value, digit = divmod(value, 62)
        digits.append(_DIGITS[digit])
    return bytes(reversed(digits)) or b"0"


def find_payload(text: object, secrets: Secrets, salt: bytes) -> bytes | None:
    """Return the JSON of a stored session, signed as since Django 3.1 or as before; None when no secret fits.

    Raises:
        UnreadableSession: it is not text, or too large.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise UnreadableSession
    data = text.encode("utf-8", "replace")
    if b":" not in data:
        return _find_payload_before_3_1(data, secrets, salt)
    signed = find_signed(data, secrets, salt)
    return None if signed is None else unpack(signed[0])


def _find_payload_before_3_1(data: bytes, secrets: Secrets, salt: bytes) -> bytes | None:
    try:
        signature, _, payload = base64.b64decode(data).partition(b":")
    except ValueError as error:
        raise UnreadableSession from error
    salt = b"django.contrib.sessions" + salt.rpartition(b".")[2]
    macs = (_mac(salt, secret, payload, "sha1").hex().encode() for secret in secrets)
    return payload if _is_among(signature, macs) else None

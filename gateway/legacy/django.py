"""Django: rows of `django_session`, and sessions that live in a signed cookie.

Signed text is `payload:timestamp:signature`. Before Django 3.1 a row was base64 of `signature:json`.
https://docs.djangoproject.com/en/5.2/topics/http/sessions/
"""

import base64
import hashlib
import hmac
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from gateway.codec import (
    MAX_TEXT,
    Cookies,
    Lookup,
    Reading,
    Row,
    Secrets,
    UnreadableSession,
    UserMapping,
    dump_json,
    fingerprint,
    load_json,
    unpack,
    unquote_cookie,
)
from gateway.model import Anonymous, LegacySession

_KEY = re.compile(rb"[\x21-\x7e]{8,40}\Z")
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


@dataclass(frozen=True, slots=True)
class DjangoDatabase:
    """The backends `db` and `cached_db`: the cookie is the key of a row.

    `secrets` are SECRET_KEY and SECRET_KEY_FALLBACKS. `salt` names the session store class: a subclass has another.
    `zone` is what dates without a zone are in: TIME_ZONE where USE_TZ is off.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"sessionid"
    table: str = "django_session"
    salt: bytes = b"django.contrib.sessions.SessionStore"
    zone: tzinfo = UTC
    binding: Binding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Django keeps the session in `{self.table}`; the cookie `{self.cookie.decode()}` is the key of its row."

    def locate(self, cookies: Cookies) -> str:
        """Return the session key; empty when it cannot be one."""
        key = unquote_cookie(cookies.get(self.cookie, b""))
        return key.decode() if _KEY.match(key) else ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the session's row, and the user's where a binding is configured."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Lookup(self.table, "session_key", key, ("session_data", "expire_date"))
        if row is None:
            return Anonymous("gone")
        payload = self._find_payload(row[0])
        if payload is None:
            return Anonymous("bad_signature")
        expires_at = _seconds(row[1], self.zone)
        if expires_at <= now:
            return Anonymous("expired")
        session = load_json(payload)
        verdict = self.mapping.read(session, key, expires_at=expires_at)
        return (yield from _bound(verdict, session, self.binding, self.secrets))

    def _find_payload(self, text: object) -> bytes | None:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise UnreadableSession
        data = text.encode("utf-8", "replace")
        if b":" not in data:
            return self._find_payload_before_3_1(data)
        signed = _find_signed(data, self.secrets, self.salt)
        return None if signed is None else unpack(signed[0])

    def _find_payload_before_3_1(self, data: bytes) -> bytes | None:
        try:
            signature, _, payload = base64.b64decode(data).partition(b":")
        except ValueError as error:
            raise UnreadableSession from error
        salt = b"django.contrib.sessions" + self.salt.rpartition(b".")[2]
        macs = (_mac(salt, secret, payload, "sha1").hex().encode() for secret in self.secrets)
        return payload if _is_among(signature, macs) else None


@dataclass(frozen=True, slots=True)
class DjangoSignedCookies:
    """The backend `signed_cookies`: the cookie is the session, good for `max_age` seconds (SESSION_COOKIE_AGE).

    `is_sliding` where SESSION_SAVE_EVERY_REQUEST signs it anew with each response, so that the time of signing does
    not tell one session from another.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"sessionid"
    max_age: float = 1209600
    salt: bytes = b"django.contrib.sessions.backends.signed_cookies"
    is_sliding: bool = False
    binding: Binding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Django keeps the session in the signed cookie `{self.cookie.decode()}` itself."

    def locate(self, cookies: Cookies) -> str:
        """Return the cookie's fingerprint where the user's row is to be fetched."""
        return fingerprint(cookies.get(self.cookie, b"")) if self.binding else ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the cookie, and the user's row where a binding is configured."""
        text = unquote_cookie(cookies.get(self.cookie, b""))
        if not text:
            return Anonymous("absent")
        signed = _find_signed(text, self.secrets, self.salt)
        if signed is None:
            return Anonymous("bad_signature")
        payload, timestamp = signed
        signed_at = _base62(timestamp)
        if signed_at + self.max_age < now:
            return Anonymous("expired")
        session = load_json(unpack(payload))
        key = fingerprint(dump_json(session)) if self.is_sliding else fingerprint(payload, timestamp)
        verdict = self.mapping.read(session, key, expires_at=signed_at + self.max_age, signed_at=signed_at)
        return (yield from _bound(verdict, session, self.binding, self.secrets))


def _mac(salt: bytes, secret: bytes, value: bytes, algorithm: str) -> bytes:
    return hmac.digest(hashlib.new(algorithm, salt + secret).digest(), value, algorithm)


def _is_among(shown: bytes, macs: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(mac, shown) for mac in macs)


def _find_signed(text: bytes, secrets: Secrets, salt: bytes) -> tuple[bytes, bytes] | None:
    """Return payload and timestamp of signed text, or None when no secret fits."""
    value, _, signature = text.rpartition(b":")
    macs = (_mac(salt + b"signer", secret, value, "sha256") for secret in secrets)
    if not _is_among(signature, (base64.urlsafe_b64encode(mac).rstrip(b"=") for mac in macs)):
        return None
    payload, _, timestamp = value.rpartition(b":")
    return payload, timestamp


def _bound(verdict: LegacySession | Anonymous, session: object, binding: Binding | None, secrets: Secrets) -> Reading:
    """Make the binding check where there is one to make."""
    if binding is None or isinstance(verdict, Anonymous):
        return verdict
    row = yield binding.lookup(verdict.subject)
    shown = session.get("_auth_user_hash") if isinstance(session, dict) else None
    return replace(verdict, is_bound=True) if binding.holds(row, shown, secrets) else Anonymous("not_bound")


def _base62(text: bytes) -> int:
    if _NUMBER.match(text) is None:
        raise UnreadableSession
    value = 0
    for byte in text:
        value = value * 62 + _DIGITS.index(byte)
    return value


def _seconds(date: object, zone: tzinfo) -> float:
    """Read an expiry date as databases return it.

    Raises:
        UnreadableSession: it is not a date.
    """
    try:
        moment = datetime.fromisoformat(date) if isinstance(date, str) else date
        if isinstance(moment, datetime):
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError) as error:
        raise UnreadableSession from error
    raise UnreadableSession

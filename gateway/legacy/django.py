"""Django: rows of `django_session`, and sessions that live in a signed cookie.

https://docs.djangoproject.com/en/5.2/topics/http/sessions/
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from gateway.codec import (
    Cookies,
    Lookup,
    Reading,
    Secrets,
    UserMapping,
    dump_json,
    fingerprint,
    load_json,
    read_date,
    unpack,
    unquote_cookie,
)
from gateway.formats.django import SALT, Binding, bound, find_payload, find_signed, read_base62
from gateway.model import Anonymous

_KEY = re.compile(rb"[\x21-\x7e]{8,40}\Z")


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
    salt: bytes = SALT
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
        payload = find_payload(row[0], self.secrets, self.salt)
        if payload is None:
            return Anonymous("bad_signature")
        expires_at = read_date(row[1], self.zone)
        if expires_at <= now:
            return Anonymous("expired")
        session = load_json(payload)
        verdict = self.mapping.read(session, key, expires_at=expires_at)
        return (yield from bound(verdict, session, self.binding, self.secrets))


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
        signed = find_signed(text, self.secrets, self.salt)
        if signed is None:
            return Anonymous("bad_signature")
        payload, timestamp = signed
        signed_at = read_base62(timestamp)
        if signed_at + self.max_age < now:
            return Anonymous("expired")
        session = load_json(unpack(payload))
        key = fingerprint(dump_json(session)) if self.is_sliding else fingerprint(payload, timestamp)
        verdict = self.mapping.read(session, key, expires_at=signed_at + self.max_age, signed_at=signed_at)
        return (yield from bound(verdict, session, self.binding, self.secrets))

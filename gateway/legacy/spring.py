"""Spring Session: the cookie is base64 of the id of a session in a database or in Redis.

https://docs.spring.io/spring-session/reference/
"""

import re
from dataclasses import dataclass

from gateway.codec import (
    Cookies,
    Entry,
    Lookup,
    Reading,
    UnreadableSession,
    UserMapping,
    as_seconds,
    decode_base64,
)
from gateway.formats.spring import describe, end_of, find_csrf_token, load_value
from gateway.model import Anonymous

_KEY = re.compile(r"[A-Za-z0-9\-]{16,64}\Z")
_CSRF = "sessionAttr:org.springframework.security.web.csrf.HttpSessionCsrfTokenRepository.CSRF_TOKEN"
_FIELDS = ("sessionAttr:SPRING_SECURITY_CONTEXT", "lastAccessedTime", "maxInactiveInterval")


@dataclass(frozen=True, slots=True)
class SpringDatabase:
    """JDBC: a column names the user, so that nothing has to be deserialized."""

    mapping: UserMapping
    cookie: bytes = b"SESSION"
    table: str = "spring_session"
    suffix: str = ""

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Spring Session keeps the session in `{self.table}`; the cookie `{self.cookie.decode()}` is its id."

    def locate(self, cookies: Cookies) -> str:
        """Return the session id; empty when it cannot be one."""
        return _find_id(cookies, self.cookie, self.suffix)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the row; its times are in milliseconds."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Lookup(self.table, "session_id", key, ("principal_name", "expiry_time"))
        if row is None:
            return Anonymous("gone")
        if not isinstance(row[1], int):
            raise UnreadableSession
        expires_at = as_seconds(row[1]) / 1000
        if expires_at <= now:
            return Anonymous("expired")
        return self.mapping.read({"name": row[0]}, key, expires_at=expires_at)


@dataclass(frozen=True, slots=True)
class SpringRedis:
    """Redis: a hash whose values are Java serialization, or JSON. Its own time-out lies 5 minutes behind the session's.

    `mapping` looks into `name`, `authorities` and `principal` of who is signed in, and into `csrf`.
    """

    mapping: UserMapping
    cookie: bytes = b"SESSION"
    prefix: str = "spring:session:sessions:"
    suffix: str = ""

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Spring Session keeps the session under `{self.prefix}`; the cookie `{self.cookie.decode()}` is its id."

    def locate(self, cookies: Cookies) -> str:
        """Return the session id; empty when it cannot be one."""
        return _find_id(cookies, self.cookie, self.suffix)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the hash."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Entry(self.prefix, key, (*_FIELDS, _CSRF) if self.mapping.csrf else _FIELDS)
        if row is None:
            return Anonymous("gone")
        context, *times = (load_value(value) for value in row[: len(_FIELDS)])
        expires_at = end_of(times)
        if expires_at is not None and expires_at <= now:
            return Anonymous("expired")
        session = {**describe(context), "csrf": find_csrf_token(row[-1]) if self.mapping.csrf else None}
        return self.mapping.read(session, key, expires_at=expires_at)


def _find_id(cookies: Cookies, name: bytes, suffix: str) -> str:
    try:
        key = decode_base64(cookies.get(name, b"")).decode("ascii").removesuffix(suffix)
    except (UnreadableSession, UnicodeDecodeError):
        return ""
    return key if _KEY.match(key) else ""

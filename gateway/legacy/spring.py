"""Spring Session: the cookie is base64 of the id of a session in a database or in Redis.

https://docs.spring.io/spring-session/reference/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.codec import (
    OPAQUE,
    Cookies,
    Entry,
    Lookup,
    Reading,
    UnreadableSession,
    UserMapping,
    decode_base64,
    find_path,
    load_json,
)
from gateway.formats.java import JavaObject, load_java
from gateway.model import Anonymous

_KEY = re.compile(r"[A-Za-z0-9\-]{16,64}\Z")
_FIELDS = ("sessionAttr:SPRING_SECURITY_CONTEXT", "lastAccessedTime", "maxInactiveInterval")
_USER = "org.springframework.security.core.userdetails.User"
_MOST_AUTHORITIES = 200


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
        if row[1] / 1000 <= now:
            return Anonymous("expired")
        return self.mapping.read({"name": row[0]}, key, expires_at=row[1] / 1000)


@dataclass(frozen=True, slots=True)
class SpringRedis:
    """Redis: a hash whose values are Java serialization, or JSON. Its own time-out lies 5 minutes behind the session's.

    `mapping` looks into `name`, `authorities` and `principal` of who is signed in.
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
        row = yield Entry(self.prefix, key, _FIELDS)
        if row is None:
            return Anonymous("gone")
        context, *times = (_load(value) for value in row)
        expires_at = _end_of(times)
        if expires_at is not None and expires_at <= now:
            return Anonymous("expired")
        return self.mapping.read(_describe(context), key, expires_at=expires_at)


def _find_id(cookies: Cookies, name: bytes, suffix: str) -> str:
    try:
        key = decode_base64(cookies.get(name, b"")).decode("ascii").removesuffix(suffix)
    except (UnreadableSession, UnicodeDecodeError):
        return ""
    return key if _KEY.match(key) else ""


def _load(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, bytes):
        raise UnreadableSession
    return load_java(value) if value.startswith(b"\xac\xed") else load_json(value)


def _end_of(times: list[object]) -> float | None:
    """Return when the session ends; None for one that never does."""
    last, interval = (value.fields.get("value") if isinstance(value, JavaObject) else value for value in times)
    if not isinstance(last, int) or not isinstance(interval, int):
        raise UnreadableSession
    return None if interval < 0 else last / 1000 + interval


def _describe(context: object) -> Mapping[str, object]:
    """Return `name`, `authorities` and the fields of the `principal` of who is signed in; nothing where nobody is.

    The name of a principal of the application's own class is opaque: its `getUsername` may say anything.
    """
    authentication = _member(context, "authentication")
    if authentication is None or _member(authentication, "authenticated") is False:
        return {}
    principal = _member(authentication, "principal")
    kind = principal.class_name if isinstance(principal, JavaObject) else find_path(principal, "@class")
    name = _member(principal, "username") if kind == _USER else principal
    return {
        "name": name if isinstance(name, str) else OPAQUE,
        "authorities": _authorities(_member(authentication, "authorities")),
        "principal": principal.fields if isinstance(principal, JavaObject) else principal,
    }


def _member(value: object, name: str) -> object:
    if isinstance(value, JavaObject):
        return value.fields.get(name)
    return find_path(value, name)


def _authorities(value: object) -> object:
    """Return the names of a collection of authorities, which may lie within another collection."""
    for _ in range(3):
        if isinstance(value, JavaObject) and not value.written:
            value = value.fields.get("c")
    items = value.written if isinstance(value, JavaObject) else value
    if isinstance(items, list) and len(items) == 2 and isinstance(items[1], list):
        items = items[1]  # JSON names the class of a collection first
    if not isinstance(items, list) or len(items) > _MOST_AUTHORITIES:
        return OPAQUE
    names = [_member(item, "role") or _member(item, "authority") for item in items]
    return [name for name in names if isinstance(name, str)]

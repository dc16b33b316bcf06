"""Django: sessions in a cache, and sessions in files.

https://docs.djangoproject.com/en/5.2/topics/http/sessions/#configuring-the-session-engine
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from gateway.codec import (
    Cookies,
    Entry,
    Reading,
    Row,
    Secrets,
    UnreadableSession,
    UserMapping,
    as_seconds,
    inflate,
    load_json,
    read_date,
    unquote_cookie,
)
from gateway.formats.django import SALT, Binding, bound, find_payload
from gateway.formats.pickled import load_pickle
from gateway.model import Anonymous

_KEY = re.compile(rb"[0-9a-z]{8,40}\Z")
_ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")

Serializer = Literal["pickle", "json", "msgpack"]
"""How the cache writes values: Django's own Redis cache pickles, django-redis can do all three."""


@dataclass(frozen=True, slots=True)
class DjangoCache:
    """The backend `cache`: the cookie is part of the key of a cache entry, which is neither signed nor encrypted.

    `prefix` is what stands before the session key: KEY_PREFIX, VERSION and the name of the backend.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"sessionid"
    prefix: str = ":1:django.contrib.sessions.cache"
    serializer: Serializer = "pickle"
    binding: Binding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Django keeps the session in its cache; the cookie `{self.cookie.decode()}` is the end of its key."

    def locate(self, cookies: Cookies) -> str:
        """Return the session key; empty when it cannot be one."""
        return _find_key(cookies, self.cookie)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the cache entry, and the user's row where a binding is configured. An entry expires by itself."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Entry(self.prefix, key)
        if row is None:
            return Anonymous("gone")
        session = self._load(_bytes_of(row))
        return (yield from bound(self.mapping.read(session, key), session, self.binding, self.secrets))

    def _load(self, data: bytes) -> object:
        if data.startswith(_ZLIB):  # the compressor of django-redis
            data = inflate(data)
        if self.serializer == "json":
            return load_json(data)
        if self.serializer == "msgpack":
            from gateway.formats.packed import load_msgpack

            return load_msgpack(data)
        return load_pickle(data)


@dataclass(frozen=True, slots=True)
class DjangoFile:
    """The backend `file`: the cookie is the end of a file's name, good for `max_age` seconds after its last change.

    A session that has its own `_session_expiry` is good for that long instead.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"sessionid"
    prefix: str = "sessionid"
    max_age: float = 1209600
    salt: bytes = SALT
    binding: Binding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Django keeps the session in a file; the cookie `{self.cookie.decode()}` is the end of its name."

    def locate(self, cookies: Cookies) -> str:
        """Return the session key; empty when it cannot be one."""
        return _find_key(cookies, self.cookie)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the file, and the user's row where a binding is configured."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Entry(self.prefix, key)
        if row is None or not row[0]:  # Django makes the file before it writes it
            return Anonymous("gone")
        payload = find_payload(_bytes_of(row).decode("utf-8", "replace"), self.secrets, self.salt)
        if payload is None:
            return Anonymous("bad_signature")
        session = load_json(payload)
        expires_at = self._end_of(session, row)
        if expires_at <= now:
            return Anonymous("expired")
        verdict = self.mapping.read(session, key, expires_at=expires_at)
        return (yield from bound(verdict, session, self.binding, self.secrets))

    def _end_of(self, session: object, row: Row) -> float:
        changed_at = row[1] if len(row) > 1 else None
        expiry = session.get("_session_expiry") if isinstance(session, dict) else None
        if isinstance(expiry, str):
            return read_date(expiry)
        if not isinstance(changed_at, float):
            raise UnreadableSession
        return changed_at + as_seconds(expiry or self.max_age)  # 0 means: until the browser is closed


def _find_key(cookies: Cookies, name: bytes) -> str:
    key = unquote_cookie(cookies.get(name, b""))
    return key.decode() if _KEY.match(key) else ""


def _bytes_of(row: Row) -> bytes:
    if not isinstance(row[0], bytes):
        raise UnreadableSession
    return row[0]

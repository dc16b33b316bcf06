"""Rails: sessions in Redis or in the database, and the table of sessions that Rails 8 generates.

https://github.com/rails/activerecord-session_store, https://github.com/roidrage/redis-session-store
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_to_bytes

from gateway.codec import (
    Cookies,
    Entry,
    Lookup,
    Query,
    Reading,
    Row,
    UnreadableSession,
    UserMapping,
    as_subject,
    decode_base64,
    fingerprint,
)
from gateway.formats.rails import DeviseBinding, RailsKeys, bound, find_signed, find_text, load_value, open_envelope
from gateway.model import Anonymous, LegacySession

_KEY = re.compile(rb"[A-Za-z0-9_\-]{16,128}\Z")


@dataclass(frozen=True, slots=True)
class RailsRecords:
    """Sessions of activerecord-session_store (`table`), or of redis-session-store and redis-rails (`prefix`).

    The store knows a hash of the cookie, the private id; only records from before CVE-2019-16782 lie under the cookie
    itself. They are JSON or Marshal, in the database the latter as base64.
    """

    mapping: UserMapping
    cookie: bytes
    prefix: str = ""
    table: str = ""
    binding: DeviseBinding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        where = f"in `{self.table}`" if self.table else f"under `{self.prefix}`"
        return f"Rails keeps the session {where}; its key is a hash of the cookie `{self.cookie.decode()}`."

    def locate(self, cookies: Cookies) -> str:
        """Return the session id; empty when it cannot be one."""
        value = unquote_to_bytes(cookies.get(self.cookie, b""))
        return value.decode() if _KEY.match(value) else ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        for query in self._queries(key):
            row = yield query
            if row is not None:
                session = self._load(row)
                return (yield from bound(self.mapping.read(session, key), session, self.binding))
        return Anonymous("gone")

    def _queries(self, key: str) -> Iterator[Query]:
        for name in ("2::" + hashlib.sha256(key.encode()).hexdigest(), key):
            yield Lookup(self.table, "session_id", name, ("data",)) if self.table else Entry(self.prefix, name)

    def _load(self, row: Row) -> Mapping[str, object]:
        data = row[0].encode("utf-8", "surrogateescape") if isinstance(row[0], str) else row[0]
        if not isinstance(data, bytes):
            raise UnreadableSession
        is_json = data.lstrip().startswith(b"{")
        session = load_value(data if is_json or not self.table else decode_base64(data.replace(b"\n", b"")))
        if self.table and is_json and isinstance(session, dict):
            session = session.get("value")  # the store wraps what JSON could not keep apart from a bare value
        if not isinstance(session, Mapping):
            raise UnreadableSession
        return session


@dataclass(frozen=True, slots=True)
class RailsAuthentication:
    """What `rails generate authentication` makes (Rails 8): a signed cookie is the number of a row with the user."""

    mapping: UserMapping
    keys: tuple[RailsKeys, ...] = field(repr=False)
    cookie: bytes = b"session_id"
    table: str = "sessions"

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Rails keeps who is signed in in `{self.table}`; the signed cookie `{self.cookie.decode()}` is its row."

    def locate(self, cookies: Cookies) -> str:
        """Return the fingerprint of what is signed; empty where no key fits."""
        content = find_signed(unquote_to_bytes(cookies.get(self.cookie, b"")), self.keys)
        return "" if content is None else fingerprint(content)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the row."""
        text = unquote_to_bytes(cookies.get(self.cookie, b""))
        if not text:
            return Anonymous("absent")
        content = find_signed(text, self.keys)
        if content is None:
            return Anonymous("bad_signature")
        value = open_envelope(content, self.cookie.decode(), now)
        if value is None:
            return Anonymous("expired")
        key = as_subject(value)
        if not key:  # a row has a number; without a key one session could not be told from another
            raise UnreadableSession
        columns = tuple({self.mapping.user: None, **dict.fromkeys(self.mapping.claims.values())})
        row = yield Lookup(self.table, "id", key, columns)
        if row is None:
            return Anonymous("gone")
        verdict = self.mapping.read(dict(zip(columns, row, strict=True)), key)
        return replace(verdict, csrf=self._find_csrf(cookies, now)) if isinstance(verdict, LegacySession) else verdict

    def _find_csrf(self, cookies: Cookies, now: float) -> str:
        """Return what protects the forms; it is in Rails' own session, a cookie that may travel beside this one."""
        return find_text(cookies, self.mapping.csrf, self.keys, now) if self.mapping.csrf else ""

"""Flask-Session: the cookie is the key of a record in Redis or in a SQL table. Flask-Login may remember a user too.

https://flask-session.readthedocs.io/en/latest/config.html
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from itsdangerous import BadSignature, Signer

from gateway.codec import (
    Cookies,
    Entry,
    Lookup,
    Query,
    Reading,
    Row,
    Secrets,
    UnreadableSession,
    UserMapping,
    fingerprint,
    load_json,
    read_date,
    unquote_cookie,
)
from gateway.formats.flask_login import has_left, read_remembered
from gateway.formats.packed import load_msgpack
from gateway.formats.pickled import load_pickle
from gateway.model import Anonymous, LegacySession

_KEY = re.compile(rb"[A-Za-z0-9_\-]{20,128}\Z")
_PICKLED = re.compile(rb"\x80[\x02-\x05].", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FlaskSessionRecords:
    """Sessions of Flask-Session.

    `prefix` is SESSION_KEY_PREFIX. With `table` they are rows (SESSION_SQLALCHEMY_TABLE), else entries of Redis.
    `is_signed` is SESSION_USE_SIGNER. Whether a record is MessagePack, JSON or, from before 0.7, a pickle is told by
    its first byte.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"session"
    remember: bytes = b"remember_token"
    prefix: str = "session:"
    table: str = ""
    is_signed: bool = False

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Flask-Session keeps the session under `{self.prefix}` and the value of `{self.cookie.decode()}`."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the record, together with what a remember cookie says."""
        key = self._find_key(cookies)
        token = unquote_cookie(cookies.get(self.remember, b"")) if self.remember else b""
        return fingerprint(key.encode(), token) if key and token else key

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record, then the remember cookie as Flask-Login does."""
        key = self._find_key(cookies)
        session: Mapping[str, object] = {}
        verdict: LegacySession | Anonymous = self._why_not(cookies)
        if key:
            row = yield self._query(key)
            verdict = Anonymous("gone")
            if row is not None:
                session, expires_at = _load(row)
                expired = expires_at is not None and expires_at <= now
                verdict = Anonymous("expired") if expired else self.mapping.read(session, key, expires_at=expires_at)
        token = unquote_cookie(cookies.get(self.remember, b"")) if self.remember else b""
        if isinstance(verdict, LegacySession) or not token or has_left(session):
            return verdict
        remembered = read_remembered(token, self.secrets, self.mapping.site)
        return verdict if isinstance(remembered, Anonymous) and verdict.reason != "absent" else remembered

    def _find_key(self, cookies: Cookies) -> str:
        value = unquote_cookie(cookies.get(self.cookie, b""))
        if self.is_signed:
            signer = Signer(list(self.secrets), "flask-session", key_derivation="hmac", digest_method=hashlib.sha1)
            try:
                value = signer.unsign(value)
            except BadSignature:
                return ""
        return value.decode() if _KEY.match(value) else ""

    def _why_not(self, cookies: Cookies) -> Anonymous:
        return Anonymous("bad_signature" if self.is_signed and cookies.get(self.cookie) else "absent")

    def _query(self, key: str) -> Query:
        if self.table:
            return Lookup(self.table, "session_id", self.prefix + key, ("data", "expiry"))
        return Entry(self.prefix, key)


def _load(row: Row) -> tuple[Mapping[str, object], float | None]:
    data = row[0]
    if not isinstance(data, bytes):
        raise UnreadableSession
    if data.startswith(b"{"):
        session = load_json(data)
    else:
        session = load_pickle(data) if _PICKLED.match(data) else load_msgpack(data)
    if not isinstance(session, dict):
        raise UnreadableSession
    return session, read_date(row[1]) if len(row) > 1 and row[1] is not None else None

"""Express: express-session, whose cookie is a signed key, and cookie-session, whose cookie is the session.

https://github.com/expressjs/session, https://github.com/expressjs/cookie-session
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from urllib.parse import unquote_to_bytes

from gateway.codec import (
    Cookies,
    Entry,
    Lookup,
    Query,
    Reading,
    Secrets,
    UnreadableSession,
    UserMapping,
    decode_base64,
    fingerprint,
    load_json,
    read_date,
)
from gateway.model import Anonymous

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class ExpressRecords:
    """express-session: the cookie is `s:key.signature`, the record is JSON that connect-redis or a SQL store keeps.

    `secrets` are those of the application in its order: the first one signs, each verifies. `prefix` is that of
    connect-redis; with `table` records are rows as connect-pg-simple writes them. When a record ends is told by the
    store, not by the `cookie.expires` in it: a touched session keeps the old date there. `zone` is that of the
    application's connections, in which connect-pg-simple writes dates.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"connect.sid"
    prefix: str = "sess:"
    table: str = ""
    zone: tzinfo = UTC

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        where = f"in `{self.table}`" if self.table else f"under `{self.prefix}`"
        return f"express-session keeps the session {where}; the cookie `{self.cookie.decode()}` is its signed key."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the session; empty where no secret fits."""
        return self._find_key(cookies) or ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record that the signed key leads to."""
        key = self._find_key(cookies)
        if not key:
            return Anonymous("absent" if key is None else "bad_signature")
        row = yield self._query(key)
        if row is None:
            return Anonymous("gone")
        expires_at = read_date(row[1], self.zone) if len(row) > 1 else None
        if expires_at is not None and expires_at < now:
            return Anonymous("expired")
        return self.mapping.read(load_json(_text_of(row[0])), key, expires_at=expires_at)

    def _find_key(self, cookies: Cookies) -> str | None:
        """Return the key; empty where no secret fits, None where there is no signed cookie at all."""
        value = unquote_to_bytes(cookies.get(self.cookie, b""))
        if not value.startswith(b"s:"):
            return None
        key, _, signature = value[2:].rpartition(b".")
        macs = (base64.b64encode(hmac.digest(secret, key, "sha256")).rstrip(b"=") for secret in self.secrets)
        if not _is_among(signature, macs) or not 0 < len(key) <= _LONGEST_KEY or not key.isascii():
            return ""
        return key.decode()

    def _query(self, key: str) -> Query:
        if self.table:
            return Lookup(self.table, "sid", key, ("sess", "expire"))
        return Entry(self.prefix, key)


@dataclass(frozen=True, slots=True)
class ExpressCookie:
    """cookie-session: the cookie is base64 of JSON, a second one beside it is its signature.

    It says neither when it was signed nor which session it is: an old copy is as good as a new one for as long as the
    application knows the secret.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"session"

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"cookie-session keeps the session in the cookie `{self.cookie.decode()}`, signed by another beside it."

    def locate(self, cookies: Cookies) -> str:
        """Return nothing: the cookies say it all."""
        return ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the cookie."""
        yield from ()
        value = cookies.get(self.cookie, b"")
        if not value:
            return Anonymous("absent")
        signed = self.cookie + b"=" + value
        macs = (base64.urlsafe_b64encode(hmac.digest(key, signed, "sha1")).rstrip(b"=") for key in self.secrets)
        if not _is_among(cookies.get(self.cookie + b".sig", b""), macs):
            return Anonymous("bad_signature")
        content = decode_base64(value)
        return self.mapping.read(load_json(content), fingerprint(content))


def _is_among(shown: bytes, macs: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(mac, shown) for mac in macs)


def _text_of(value: object) -> bytes | str:
    if not isinstance(value, (bytes, str)):
        raise UnreadableSession
    return value

"""Laravel: the cookie is the encrypted key of a session in the database, in Redis or in a file.

https://laravel.com/docs/12.x/session
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

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
    as_seconds,
    decode_base64,
    load_json,
)
from gateway.formats.laravel import find_decrypted
from gateway.formats.php import unserialize
from gateway.model import Anonymous

_KEY = re.compile(rb"[A-Za-z0-9]{40}\Z")
_SESSION_GUARD = hashlib.sha1(rb"Illuminate\Auth\SessionGuard", usedforsecurity=False).hexdigest()


def login_key(guard: str = "web") -> str:
    """Return the name under which a session holds the user of a guard."""
    return f"login_{guard}_{_SESSION_GUARD}"


@dataclass(frozen=True, slots=True)
class LaravelRecords:
    """Sessions of Laravel, good for `lifetime` seconds after the last request (SESSION_LIFETIME is in minutes).

    `secrets` are the keys: APP_KEY and APP_PREVIOUS_KEYS without `base64:` and decoded. With `table` sessions are rows
    (driver `database`), else entries that begin with `prefix`: of Redis, or files where it is empty.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"laravel_session"
    table: str = ""
    prefix: str = ""
    lifetime: float = 7200

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        where = f"in `{self.table}`" if self.table else f"under `{self.prefix}`" if self.prefix else "in a file"
        return f"Laravel keeps the session {where}; the cookie `{self.cookie.decode()}` is its encrypted key."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the session; empty where no secret fits. The cookie differs with each response."""
        return self._find_key(cookies) or ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record that the encrypted key leads to."""
        key = self._find_key(cookies)
        if not key:
            return Anonymous("absent" if key is None else "bad_signature")
        row = yield self._query(key)
        if row is None:
            return Anonymous("gone")
        expires_at = self._end_of(row)
        if expires_at is not None and expires_at < now:
            return Anonymous("expired")
        return self.mapping.read(self._load(row[0]), key, expires_at=expires_at)

    def _find_key(self, cookies: Cookies) -> str | None:
        """Return the key; empty where no secret fits, None where there is no cookie.

        The plain text begins with a MAC of the cookie's name, so that no other cookie of the application passes for it.
        """
        value = unquote_to_bytes(cookies.get(self.cookie, b""))
        if not value:
            return None
        mac, _, key = (find_decrypted(value, self.secrets) or b"").partition(b"|")
        names = (hmac.digest(secret, self.cookie + b"v2", "sha1").hex().encode() for secret in self.secrets)
        is_named = any(hmac.compare_digest(name, mac) for name in names)
        return key.decode() if is_named and _KEY.match(key) else ""

    def _query(self, key: str) -> Query:
        if self.table:
            return Lookup(self.table, "id", key, ("payload", "last_activity"))
        return Entry(self.prefix, key)

    def _end_of(self, row: Row) -> float | None:
        """Return when a session ends that nobody touches; None where the store ends it."""
        touched_at = row[1] if len(row) > 1 else None
        return None if touched_at is None else as_seconds(touched_at) + self.lifetime

    def _load(self, payload: object) -> Mapping[str, object]:
        """Undo what wraps the session: base64 in the database, encryption, a serialization of the serialized text."""
        data = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else payload
        if not isinstance(data, bytes):
            raise UnreadableSession
        data = decode_base64(data) if self.table else data
        for _ in range(4):
            value = self._open(data)
            if isinstance(value, dict):
                return value
            if not isinstance(value, str):
                break
            data = value.encode("utf-8", "surrogateescape")
        raise UnreadableSession

    def _open(self, data: bytes) -> object:
        if data.startswith(b"{"):  # session.serialization: json
            return load_json(data)
        if not data.startswith(b"eyJ"):
            return unserialize(data)
        decrypted = find_decrypted(data, self.secrets)  # session.encrypt: true
        if decrypted is None:
            raise UnreadableSession
        return decrypted.decode("utf-8", "surrogateescape")

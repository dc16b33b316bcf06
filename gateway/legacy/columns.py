"""Sessions of your own making: a column of a SQL table names the user, or a record of JSON in Redis or a file does."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal
from urllib.parse import unquote_to_bytes

from gateway.codec import (
    Cookies,
    Entry,
    Lookup,
    Reading,
    UnreadableSession,
    UserMapping,
    as_seconds,
    decode_base64,
    load_json,
    read_date,
    unquote_cookie,
)
from gateway.model import Anonymous

_KEY = re.compile(r"[\x21-\x7e]{1,256}\Z")

KeyForm = Literal["plain", "sha256", "base64"]
"""How the key of a record is made from the cookie: as it is, as its SHA-256 in hexadecimal, or decoded."""
DateForm = Literal["date", "seconds", "milliseconds"]
"""How a column says when a session ends."""


@dataclass(frozen=True, slots=True)
class ColumnRecords:
    """`SELECT user, expires, claims… FROM table WHERE key = …`; `mapping` names columns."""

    mapping: UserMapping
    cookie: bytes
    table: str
    key: str
    key_form: KeyForm = "plain"
    expires: str = ""
    date_form: DateForm = "date"
    zone: tzinfo = UTC

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"The cookie `{self.cookie.decode()}` leads to a row of `{self.table}`, whose column names the user."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the row; empty when it cannot be one."""
        return find_key(cookies, self.cookie, self.key_form)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the row."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        names = dict.fromkeys([*([self.expires] if self.expires else []), self.mapping.user, *self._claims()])
        row = yield Lookup(self.table, self.key, key, tuple(names))
        if row is None:
            return Anonymous("gone")
        found = dict(zip(names, row, strict=True))
        expires_at = self._end_of(found.get(self.expires)) if self.expires else None
        if expires_at is not None and expires_at <= now:
            return Anonymous("expired")
        return self.mapping.read(found, key, expires_at=expires_at)

    def _claims(self) -> Iterator[str]:
        yield from self.mapping.claims.values()

    def _end_of(self, value: object) -> float | None:
        """Return when the session ends; None where the column is empty."""
        if value is None:
            return None
        if self.date_form == "date":
            return read_date(value, self.zone)
        return as_seconds(value) / 1000 if self.date_form == "milliseconds" else as_seconds(value)


@dataclass(frozen=True, slots=True)
class JsonRecords:
    """A record of JSON under `prefix` and the key; `mapping` looks into it. The store ends it."""

    mapping: UserMapping
    cookie: bytes
    prefix: str
    key_form: KeyForm = "plain"

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"The cookie `{self.cookie.decode()}` leads to JSON under a name that begins with `{self.prefix}`."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the record; empty when it cannot be one."""
        return find_key(cookies, self.cookie, self.key_form)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        row = yield Entry(self.prefix, key)
        if row is None:
            return Anonymous("gone")
        if not isinstance(row[0], bytes):
            raise UnreadableSession
        return self.mapping.read(load_json(row[0]), key)


def find_key(cookies: Cookies, name: bytes, form: KeyForm) -> str:
    """Return the key that a cookie stands for; empty when it cannot be one."""
    value = unquote_to_bytes(unquote_cookie(cookies.get(name, b"")))
    if not value:
        return ""
    if form == "sha256":
        return hashlib.sha256(value).hexdigest()
    try:
        key = (decode_base64(value) if form == "base64" else value).decode("ascii")
    except (UnreadableSession, UnicodeDecodeError):
        return ""
    return key if _KEY.match(key) else ""

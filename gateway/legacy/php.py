"""PHP's own sessions: files or Redis, as `session.serialize_handler` writes them.

https://www.php.net/manual/en/session.configuration.php
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.codec import OPAQUE, Cookies, Entry, Reading, Row, UnreadableSession, UserMapping
from gateway.formats.php import read_value, unserialize
from gateway.model import Anonymous

_KEY = re.compile(rb"[A-Za-z0-9,\-]{16,256}\Z")

Handler = Literal["php", "php_serialize"]


@dataclass(frozen=True, slots=True)
class PhpRecords:
    """PHP's native sessions. The cookie is a key that nobody signed.

    `prefix` is `sess_` for files and `PHPREDIS_SESSION:` for Redis. A file counts for as long as it is there, as it
    does for PHP, whose clean-up is a matter of chance.
    """

    mapping: UserMapping
    cookie: bytes = b"PHPSESSID"
    prefix: str = "sess_"
    handler: Handler = "php"

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"PHP keeps the session under `{self.prefix}` and the value of the cookie `{self.cookie.decode()}`."

    def locate(self, cookies: Cookies) -> str:
        """Return the key of the session; empty when it cannot be one."""
        key = cookies.get(self.cookie, b"")
        return key.decode() if _KEY.match(key) else ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the record; once more if it cannot be read, because PHP writes a file while we look at it."""
        key = self.locate(cookies)
        if not key:
            return Anonymous("absent")
        entry = Entry(self.prefix, key)
        row = yield entry
        try:
            session = self._load(row)
        except UnreadableSession:
            session = self._load((yield entry))
        return Anonymous("gone") if session is None else self.mapping.read(session, key)

    def _load(self, row: Row | None) -> Mapping[str, object] | None:
        if row is None:
            return None
        data = row[0]
        if not isinstance(data, bytes):
            raise UnreadableSession
        if not data:
            return {}
        session = _load_by_name(data) if self.handler == "php" else unserialize(data)
        if not isinstance(session, dict):
            raise UnreadableSession
        return session


def _load_by_name(data: bytes) -> Mapping[str, object]:
    """Read `name|value name|value…`; a name behind `!` has no value."""
    session: dict[str, object] = {}
    at = 0
    while at < len(data):
        bar = data.find(b"|", at)
        if bar < 0:
            raise UnreadableSession
        name = data[at:bar].decode("utf-8", "surrogateescape")
        if name.startswith("!"):
            session[name[1:]] = None
            at = bar + 1
            continue
        value, at = read_value(data, bar + 1)
        session[name] = OPAQUE if name in session else value
    return session

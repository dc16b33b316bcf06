"""Flask and Starlette: new sessions in signed cookies, and those of Flask-Session.

https://flask.palletsprojects.com/en/stable/api/#sessions, https://www.starlette.io/middleware/#sessionmiddleware
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from itsdangerous import Signer

from gateway.codec import Entry, Lookup, Query
from gateway.formats.minting import Draft, Minting, NewEntry, NewRow, Template
from gateway.formats.signed_at import SignedAt
from gateway.formats.written import packed, plain_json, token_of


@dataclass(frozen=True, slots=True)
class FlaskCookieMint:
    """Flask's secure cookie. What needs a tag of Flask's (tuples, dates) is never in it: a template is plain JSON."""

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes
    salt: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        signer = SignedAt(self.secret, self.salt, at=draft.now, key_derivation="hmac")
        return ((self.cookie, signer.sign(packed(plain_json(self.template.fill(draft))))),)


@dataclass(frozen=True, slots=True)
class StarletteCookieMint:
    """The cookie of SessionMiddleware."""

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        payload = base64.b64encode(plain_json(self.template.fill(draft)))
        return ((self.cookie, SignedAt(self.secret, "itsdangerous.Signer", at=draft.now).sign(payload)),)


@dataclass(frozen=True, slots=True)
class FlaskSessionMint:
    """Flask-Session: a record as `dumps` writes it, in Redis under `prefix`, or with `table` in a row.

    `secret` signs the cookie where SESSION_USE_SIGNER is on, and is empty where it is not.
    """

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes
    prefix: str
    table: str
    dumps: Callable[[dict[str, object]], bytes]

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "session_id", self.prefix + key, ()) if self.table else Entry(self.prefix, key)

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        key, data = token_of(draft.entropy), self.dumps(self.template.fill(draft))
        if self.table:
            ends = datetime.fromtimestamp(draft.expires_at, UTC)
            yield NewRow(self.table, "session_id", {"session_id": self.prefix + key, "data": data, "expiry": ends})
        else:
            yield NewEntry(self.prefix, key, data, draft.life)
        return ((self.cookie, self._shown(key.encode())),)

    def _shown(self, key: bytes) -> bytes:
        if not self.secret:
            return key
        return Signer(self.secret, "flask-session", key_derivation="hmac", digest_method=hashlib.sha1).sign(key)
